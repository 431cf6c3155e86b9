import { createHmac } from "node:crypto";
import examples from "@octokit/webhooks-examples";
import { describe, expect, it } from "vitest";
import { Secret } from "../../../config/secret.ts";
import type { ProviderCall, ProviderNews } from "../../../core/ports/scm.ts";
import { hear, type HearDeps } from "./webhooks.ts";

const SECRET = "It's a secret to everybody";
const OURS = ["Codertocat/Hello-World", "Octocoders/Hello-World", "acme/api"];

function deps(changes: Partial<HearDeps> = {}): HearDeps {
  return {
    secret: new Secret(SECRET),
    findRepository: (fullName) =>
      OURS.includes(fullName)
        ? { provider: "github:0", name: fullName.split("/")[1] ?? "", locator: fullName }
        : null,
    ...changes,
  };
}

function call(
  event: string,
  payload: unknown,
  changes: Record<string, string | undefined> = {},
): ProviderCall {
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  return {
    body,
    headers: {
      "content-type": "application/json",
      "X-GitHub-Event": event,
      "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
      "X-Hub-Signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
      ...changes,
    },
  };
}

function examplesOf(
  event: string,
): readonly { action?: string; ref?: string; repository?: { full_name: string } }[] {
  return (
    (examples as unknown as { name: string; examples: [] }[]).find(({ name }) => name === event)
      ?.examples ?? []
  );
}

describe(hear, () => {
  it.each([
    "push",
    "pull_request",
    "check_suite",
    "check_run",
    "status",
    "repository",
    "create",
    "delete",
  ])("understands every recorded call about %s", async (event) => {
    const payloads = examplesOf(event);
    expect(payloads.length).toBeGreaterThan(0);
    for (const payload of payloads) {
      const news = await hear(deps(), call(event, payload));
      const isOurs = OURS.includes(payload.repository?.full_name ?? "");
      expect(news.kind).toBe(isOurs ? "changed" : "ignored");
      if (news.kind === "changed") {
        expect(news.repository.locator).toBe(payload.repository?.full_name);
        expect(news.deliveryId).toBe("72d3162e-cc78-11e3-81ab-4c9367dc0958");
      }
    }
  });

  it("takes every other recorded call calmly", async () => {
    const others = (examples as unknown as { name: string; examples: unknown[] }[]).filter(
      ({ name }) =>
        ![
          "push",
          "pull_request",
          "check_suite",
          "check_run",
          "status",
          "repository",
          "create",
          "delete",
        ].includes(name),
    );
    expect(others.length).toBeGreaterThan(40);
    for (const { name, examples: payloads } of others) {
      for (const payload of payloads) {
        expect(await hear(deps(), call(name, payload))).toEqual({ kind: "ignored" });
      }
    }
  });

  const repository = { full_name: "acme/api", name: "api" };

  it.each<readonly [string, string, object, readonly string[] | null]>([
    ["a push to a branch", "push", { ref: "refs/heads/feature/a" }, ["feature/a"]],
    ["a push of a tag", "push", { ref: "refs/tags/v1" }, null],
    ["a new branch", "create", { ref: "feature/a", ref_type: "branch" }, ["feature/a"]],
    ["a new tag", "create", { ref: "v1", ref_type: "tag" }, null],
    ["a branch that is gone", "delete", { ref: "uat", ref_type: "branch" }, ["uat"]],
    ["a pull request", "pull_request", { action: "closed" }, null],
    ["checks", "check_suite", { action: "completed" }, null],
  ])("tells which branches moved by %s", async (_what, event, more, branches) => {
    expect(await hear(deps(), call(event, { ...more, repository }))).toMatchObject({
      kind: "changed",
      branches,
    });
  });

  it("knows a renamed repository by the name it is configured under", async () => {
    const payload = {
      action: "renamed",
      repository: { full_name: "acme/gateway", name: "gateway" },
      changes: { repository: { name: { from: "api" } } },
    };
    expect(await hear(deps(), call("repository", payload))).toMatchObject({
      repository: { locator: "acme/api" },
    });
  });

  it("reads a form as well as JSON", async () => {
    const body = new URLSearchParams({
      payload: JSON.stringify({ ref: "refs/heads/uat", repository }),
    }).toString();
    const form = call("push", body, { "content-type": "application/x-www-form-urlencoded" });
    expect(await hear(deps(), form)).toMatchObject({ kind: "changed", branches: ["uat"] });
  });

  const push = { ref: "refs/heads/uat", repository };
  const good = call("push", push);
  const wrongKey = createHmac("sha256", "guess").update(good.body).digest("hex");

  it.each<readonly [string, ProviderCall, Partial<HearDeps>]>([
    ["without a signature", call("push", push, { "X-Hub-Signature-256": undefined }), {}],
    ["with an empty signature", call("push", push, { "X-Hub-Signature-256": "" }), {}],
    [
      "with the old signature only",
      call("push", push, { "X-Hub-Signature-256": undefined, "X-Hub-Signature": "sha1=0123" }),
      {},
    ],
    [
      "signed with another secret",
      call("push", push, { "X-Hub-Signature-256": `sha256=${wrongKey}` }),
      {},
    ],
    [
      "with a signature of another length",
      call("push", push, { "X-Hub-Signature-256": "sha256=00" }),
      {},
    ],
    ["whose body was changed", { ...good, body: good.body.replace("uat", "prod") }, {}],
    ["with a space more", { ...good, body: `${good.body} ` }, {}],
    ["without a body", { ...good, body: "" }, {}],
    ["when no secret is configured", good, { secret: undefined }],
  ])("does not believe a call %s", async (_what, given, changes) => {
    expect(await hear(deps(changes), given)).toEqual({ kind: "forged" } satisfies ProviderNews);
  });

  it.each([
    ["half a payload", call("push", '{"ref":"refs/heads/u')],
    ["no payload", call("push", "null")],
    ["a payload of another kind", call("push", { repository: "acme/api" })],
    ["no event", call("push", push, { "X-GitHub-Event": undefined })],
    ["no delivery", call("push", push, { "X-GitHub-Delivery": undefined })],
    [
      "somebody else's repository",
      call("push", { ...push, repository: { full_name: "other/api", name: "api" } }),
    ],
  ])("ignores a signed call with %s", async (_what, given) => {
    expect(await hear(deps(), given)).toEqual({ kind: "ignored" });
  });
});
