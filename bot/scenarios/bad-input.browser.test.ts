import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { AuditEntry } from "../../shared/contract/audit.ts";
import type { DeploymentView } from "../../shared/contract/deployment.ts";
import type { Problem } from "../../shared/contract/problem.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { createPerson, type Person } from "./testing/person.ts";
import { commitOnUat } from "./testing/repository.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";

let server: ServerProcess;
let dana: Person;
let quinn: Person;
let robin: Person;
let olivia: Person;
let vic: Person;
let number: number;

beforeAll(async () => {
  server = await startServer();
  [dana, quinn, robin, olivia, vic] = ["dana", "quinn", "robin", "olivia", "vic"].map((name) =>
    createPerson(server.url, server.token(name)),
  ) as [Person, Person, Person, Person, Person];
  mkdirSync(join(server.data, "demo/repos/empty-service"));
  commitOnUat(
    server.data,
    "auth-service",
    "feat: <script>alert(1)</script> [x](javascript:alert(1)) **@channel**",
  );
  const created = await dana.send<ReleaseView>("POST", "/releases", {
    source: "uat",
    destination: "master",
  });
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  number = created.body.number;
});
afterAll(() => server?.dispose());

const path = (rest = "") => `/releases/${String(number)}${rest}`;

describe("bad input", () => {
  it.each([
    ["that does not exist", "no-such-branch"],
    ["with a space", "my branch"],
    ["with quotes", `"; rm -rf / #`],
    ["with dots", "../../etc/passwd"],
    ["with a leading dash", "--upload-pack=touch"],
    ["with a bidi character", "ua\u202Et"],
    ["of a megabyte", "x".repeat(1_000_000)],
  ])("refuses a branch %s with a sentence and changes nothing", async (_what, source) => {
    const before = await dana.get<{ total: number }>("/releases");

    const { status, body } = await dana.send<Problem>("POST", "/releases", {
      source,
      destination: "master",
    });

    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(body.detail.length).toBeGreaterThan(10);
    expect(body.detail.length).toBeLessThan(2_000);
    expect((await dana.get<{ total: number }>("/releases")).body.total).toBe(before.body.total);
  });

  it("says that nothing changed when nothing did", async () => {
    const { status, body } = await dana.send<Problem>("POST", "/releases", {
      source: "master",
      destination: "uat",
    });

    expect(status).toBe(409);
    expect(body.code).toBe("release.empty");
  });

  it("names the open release of the same branches and offers to refresh it", async () => {
    const { status, body } = await dana.send<Problem>("POST", "/releases", {
      source: "uat",
      destination: "master",
    });

    expect(status).toBe(409);
    expect(body.detail).toContain(`#${String(number)}`);
    expect(body.remedy).toContain(`refresh ${String(number)}`);
  });

  it("keeps what was written when notes are too long", async () => {
    await dana.send("PATCH", path(), { notes: "Deploy auth first." });

    const { status } = await dana.send("PATCH", path(), { notes: "n".repeat(1_000_000) });

    expect([413, 422]).toContain(status);
    const { body } = await dana.get<ReleaseView>(path());
    expect(body.notes).toBe("Deploy auth first.");
  });

  it("lets the first of two tabs win and tells the second", async () => {
    const { version } = (await dana.get<ReleaseView>(path())).body;

    const [one, other] = await Promise.all([
      dana.send("PATCH", path(), { notes: "one", version }),
      quinn.send("PATCH", path(), { notes: "other", version }),
    ]);

    expect([one.status, other.status].sort()).toEqual([200, 409]);
  });

  it.each([
    ["itself", "auth-service"],
    ["something unknown", "nobody-service"],
  ])("refuses a dependency on %s", async (_what, on) => {
    const { status, body } = await dana.send<Problem>("PATCH", path("/items/auth-service"), {
      dependsOn: [on],
    });

    expect(status).toBe(422);
    expect(body.detail).toContain(on);
  });

  it("prints a cycle and does not deploy it", async () => {
    const before = (await dana.get<ReleaseView>(path())).body;
    const own = before.items.find((item) => item.service === "auth-service")?.dependsOn ?? [];
    await dana.send("PATCH", path("/items/auth-service"), { dependsOn: ["api-gateway"] });

    const { body } = await dana.get<ReleaseView>(path());

    expect(body.order.cycle?.length).toBeGreaterThan(2);
    expect(body.requirements.some((one) => !one.met && /api-gateway/.test(one.reason ?? ""))).toBe(
      true,
    );
    await dana.send("PATCH", path("/items/auth-service"), { dependsOn: own });
  });

  it("shows hostile titles as the text they are", async () => {
    const { body } = await dana.get<ReleaseView>(path());
    const titles = body.items.flatMap((item) => item.commits.map((commit) => commit.title));
    expect(titles.some((title) => title.includes("<script>"))).toBe(true);

    await dana.say(`@slipway notes ${String(number)}`);
    const answer = await dana.sees(/Notes|notes/);

    const markdown = JSON.stringify(answer.card);
    expect(markdown).not.toContain("](javascript:");
  });

  it("lets one person fill one role only", async () => {
    const { fingerprint } = (await robin.get<ReleaseView>(path())).body;
    await robin.send("POST", path("/sign-offs"), { role: "dev", fingerprint });

    const { status, body } = await robin.send<Problem>("POST", path("/sign-offs"), {
      role: "qa",
      fingerprint,
    });

    expect(status).toBe(409);
    expect(body.requirements?.[0]?.remedy).not.toBe("");
    await robin.send("DELETE", path("/sign-offs/dev"));
  });

  it("signs nothing that the person did not see", async () => {
    const { fingerprint } = (await dana.get<ReleaseView>(path())).body;
    commitOnUat(server.data, "user-service", "feat: something new");
    await dana.send("POST", path("/refresh"));

    const { status, body } = await dana.send<Problem>("POST", path("/sign-offs"), {
      role: "dev",
      fingerprint,
    });

    expect(status).toBe(409);
    expect(body.code).toBe("sign_off.outdated");
    expect(
      (await dana.get<ReleaseView>(path())).body.signOffs.filter((one) => one.state === "counts"),
    ).toEqual([]);
  });

  it("refuses everything that changes to somebody who may only look, and records it", async () => {
    const attempts = await Promise.all([
      vic.send<Problem>("POST", "/releases", { source: "uat", destination: "master" }),
      vic.send<Problem>("POST", path("/sign-offs"), { role: "dev" }),
      vic.send<Problem>("POST", path("/refresh")),
      vic.send<Problem>("PATCH", path(), { notes: "x" }),
      vic.send<Problem>("POST", path("/reject"), { reason: "x" }),
      vic.send<Problem>("POST", path("/close"), { reason: "x" }),
      vic.send<Problem>("POST", path("/deploy"), { environment: "prod" }),
      vic.send<Problem>("PUT", "/environments/prod/lock", { reason: "x" }),
      vic.send<Problem>("POST", "/environments/prod/rollback", { reason: "x" }),
    ]);

    expect(attempts.map((one) => one.status)).toEqual(attempts.map(() => 403));
    expect(attempts.every((one) => one.body.remedy !== null)).toBe(true);
    const denied = await dana.get<{ items: AuditEntry[] }>(
      "/audit-log?event=access.denied&limit=50",
    );
    expect(
      denied.body.items.filter((one) => one.actor.name.startsWith("Vic")).length,
    ).toBeGreaterThanOrEqual(attempts.length);
  });

  it("does not deploy into a lock, and says who locked it and why", async () => {
    await olivia.send("PUT", "/environments/prod/lock", { reason: "database migration" });

    const { status, body } = await olivia.send<Problem>("POST", path("/deploy"), {
      environment: "prod",
    });

    expect(status).toBe(409);
    const reasons = (body.requirements ?? []).map((one) => one.reason).join(" ");
    expect(reasons).toMatch(/Olivia/);
    expect(reasons).toMatch(/database migration/);
    await olivia.send("DELETE", "/environments/prod/lock");
  });

  it("keeps rejected commits out until the rejection is lifted", async () => {
    await quinn.send("POST", path("/reject"), { reason: "breaks the login" });
    expect((await dana.get<ReleaseView>(path())).body.status).toBe("rejected");
    await dana.send("POST", path("/close"), { reason: "start again" });

    const again = await dana.send<Problem>("POST", "/releases", {
      source: "uat",
      destination: "master",
    });

    expect(again.status).toBe(409);
    expect(JSON.stringify(again.body)).toContain("breaks the login");
    const adam = createPerson(server.url, server.token("adam"));
    expect((await adam.send("POST", path("/lift"))).status).toBe(200);
    const lifted = await dana.send<ReleaseView>("POST", "/releases", {
      source: "uat",
      destination: "master",
    });
    expect(lifted.status).toBe(201);
    number = lifted.body.number;
  });

  it("goes back to what ran before, with a hold, and forward again", async () => {
    const { fingerprint } = (await dana.get<ReleaseView>(path())).body;
    await dana.send("POST", path("/sign-offs"), { role: "dev", fingerprint });
    await quinn.send("POST", path("/sign-offs"), { role: "qa", fingerprint });
    const deployed = await olivia.send<DeploymentView>("POST", path("/deploy"), {});
    expect(deployed.status, JSON.stringify(deployed.body)).toBe(202);
    await ends(deployed.body.number, "succeeded");

    const back = await olivia.send<DeploymentView>("POST", "/environments/prod/rollback", {
      reason: "error rate",
    });

    expect(back.status, JSON.stringify(back.body)).toBeLessThan(300);
    await ends(back.body.number, "succeeded");
    expect((await dana.get<ReleaseView>(path())).body.status).toBe("rolled_back");
    const prod = await dana.get<{ hold: { reason: string } | null }>("/environments/prod");
    expect(prod.body.hold?.reason).toContain("error rate");
    expect((await olivia.send("DELETE", "/environments/prod/hold")).status).toBeLessThan(300);
  });
});

async function ends(deployment: number, status: DeploymentView["status"]): Promise<void> {
  await vi.waitFor(
    async () => {
      const { body } = await dana.get<DeploymentView>(`/deployments/${String(deployment)}`);
      expect(body.status).toBe(status);
    },
    { timeout: 60_000, interval: 100 },
  );
}
