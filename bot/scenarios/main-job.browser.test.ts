import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ReleaseView } from "../../shared/contract/release.ts";
import type { Problem } from "../../shared/contract/problem.ts";
import { createPerson, type Person } from "./testing/person.ts";
import { branchOf, commitOnUat, deployedCommit } from "./testing/repository.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";

let server: ServerProcess;
let dana: Person;
let quinn: Person;
let olivia: Person;

beforeAll(async () => {
  server = await startServer();
  dana = createPerson(server.url, server.token("dana"));
  quinn = createPerson(server.url, server.token("quinn"));
  olivia = createPerson(server.url, server.token("olivia"));
});
afterAll(() => server.dispose());

async function release(number: number): Promise<ReleaseView> {
  const { body } = await dana.get<ReleaseView>(`/releases/${String(number)}`);
  return body;
}

async function becomes(number: number, status: ReleaseView["status"]): Promise<ReleaseView> {
  return vi.waitFor(
    async () => {
      const view = await release(number);
      expect(view.status).toBe(status);
      return view;
    },
    { timeout: 60_000, interval: 100 },
  );
}

async function openRelease(): Promise<ReleaseView> {
  const { body, status } = await dana.send<ReleaseView>("POST", "/releases", {
    source: "uat",
    destination: "master",
  });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

describe("the main job, through the room and the API", () => {
  it("deploys the baseline at the first start", async () => {
    await vi.waitFor(
      async () => {
        const { body } = await dana.get<{ items: { status: string; environment: string }[] }>(
          "/deployments",
        );
        expect(
          body.items.filter((one) => one.status === "succeeded").map((one) => one.environment),
        ).toEqual(expect.arrayContaining(["preprod", "prod"]));
      },
      { timeout: 60_000, interval: 100 },
    );

    expect(deployedCommit(server.data, "prod", "api-gateway")).toBe(
      branchOf(server.data, "api-gateway", "master"),
    );
  });

  it("goes from create-release to deployed and landed, with two sign-offs in the room", async () => {
    await dana.say("@slipway create-release uat master");
    const card = await dana.sees(/Release #1\b/);
    await dana.press(card, "Approve as Dev");
    await vi.waitFor(async () => {
      expect((await release(1)).signOffs.map((one) => one.role)).toEqual(["dev"]);
    });
    await quinn.press(await quinn.sees(/Release #1\b/), "Approve as QA");
    await becomes(1, "approved");
    const ready = await olivia.sees(/Release Ready to Deploy/, "releases");
    expect(ready.text).toMatch(/uat → master/);
    expect(ready.text).toMatch(/Dana/);
    expect(ready.text).toMatch(/Quinn/);

    await olivia.press(ready, "Deploy");

    const deployed = await becomes(1, "deployed");
    for (const item of deployed.items) {
      expect(deployedCommit(server.data, "prod", item.service)).toBe(item.headSha);
      expect(branchOf(server.data, item.service, "master")).toBe(item.headSha);
    }
  });

  it("refuses to deploy a commit that slipped in after sign-off, until it is signed again", async () => {
    commitOnUat(server.data, "auth-service", "fix: rotate session keys");
    const { number } = await openRelease();
    await dana.send("POST", `/releases/${String(number)}/sign-offs`, { role: "dev" });
    await quinn.send("POST", `/releases/${String(number)}/sign-offs`, { role: "qa" });
    await becomes(number, "approved");
    const slipped = commitOnUat(server.data, "auth-service", "feat: nobody tested this");
    const before = deployedCommit(server.data, "prod", "auth-service");

    const refused = await olivia.send<Problem>("POST", `/releases/${String(number)}/deploy`, {
      environment: "prod",
    });

    expect(refused.status).toBe(409);
    for (const requirement of refused.body.requirements ?? []) {
      expect(requirement.code).not.toBe("");
      expect(requirement.reason).not.toBe("");
      expect(requirement.remedy).not.toBe("");
    }
    expect(refused.body.requirements?.length).toBeGreaterThan(0);
    expect(deployedCommit(server.data, "prod", "auth-service")).toBe(before);

    await dana.send("POST", `/releases/${String(number)}/refresh`);
    const stale = await release(number);
    expect(stale.status).toBe("pending");
    expect(stale.signOffs.map((one) => one.state)).toEqual(["stale", "stale"]);
    await dana.send("POST", `/releases/${String(number)}/sign-offs`, {
      role: "dev",
      fingerprint: stale.fingerprint,
    });
    await quinn.send("POST", `/releases/${String(number)}/sign-offs`, {
      role: "qa",
      fingerprint: stale.fingerprint,
    });
    const accepted = await olivia.send("POST", `/releases/${String(number)}/deploy`, {
      environment: "prod",
    });
    expect(accepted.status).toBe(202);
    await becomes(number, "deployed");
    expect(deployedCommit(server.data, "prod", "auth-service")).toBe(slipped);
  });

  it("makes exactly one sign-off of a hundred clicks at once, all answered", async () => {
    commitOnUat(server.data, "user-service", "feat: sort people by name");
    const { number, fingerprint } = await openRelease();

    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        dana.send("POST", `/releases/${String(number)}/sign-offs`, { role: "dev", fingerprint }),
      ),
    );

    expect(new Set(answers.map((one) => one.status))).toEqual(new Set([answers[0]?.status]));
    expect(answers[0]?.status).toBeLessThan(300);
    const view = await release(number);
    expect(view.signOffs).toHaveLength(1);
    const history = await dana.get<{ items: { event: string }[] }>(
      `/releases/${String(number)}/history?limit=500`,
    );
    expect(history.body.items.filter((one) => one.event === "release.signed_off")).toHaveLength(1);
  });

  it("keeps what was committed when the plug is pulled during a deployment", async () => {
    const open = await dana.get<{ items: { number: number }[] }>("/releases?status=open");
    const number = open.body.items[0]?.number ?? 0;
    await quinn.send("POST", `/releases/${String(number)}/sign-offs`, { role: "qa" });
    await becomes(number, "approved");
    const deployment = await olivia.send<{ number: number }>(
      "POST",
      `/releases/${String(number)}/deploy`,
      { environment: "prod" },
    );
    expect(deployment.status).toBe(202);

    await server.kill();
    await server.restart();

    const view = await becomes(number, "deployed");
    for (const item of view.items) {
      expect(deployedCommit(server.data, "prod", item.service)).toBe(item.headSha);
    }
  });

  it("proves the audit chain", () => {
    const { status, stdout } = server.cli("audit", "verify");

    expect(stdout).toMatch(/as they were written/);
    expect(status).toBe(0);
  });

  it("stops within ten seconds when asked to, with the port closed", async () => {
    const code = await server.stop();

    expect(code).toBe(0);
    await expect(fetch(`${server.url}/health/live`)).rejects.toThrow();
  }, 10_000);
});
