import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ScmProvider } from "../../core/ports/scm.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { JobRow } from "../../db/rows/job.ts";
import { LockRow } from "../../db/rows/lock.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { ServiceRow } from "../../db/rows/service.ts";
import { SignOffRow } from "../../db/rows/sign-off.ts";
import { AppError } from "../../errors/app-error.ts";
import {
  DeploymentBlocked,
  EnvironmentMissing,
  PermissionDenied,
  ReleaseChanged,
  UpstreamUnavailable,
} from "../../errors/catalog.ts";
import { createFakeScm } from "../../testing/fake-scm.ts";
import { lockEnvironment } from "../environments/lock-environment.ts";
import { createRepositoryFinder } from "./find-repository.ts";
import { requestDeployment } from "./request-deployment.ts";
import {
  createDeploymentFixture,
  DANA,
  OLIVIA,
  QUINN,
  VIC,
  type DeploymentFixture,
} from "./testing/deployment-fixture.ts";

const SERVICES = { auth: [], api: ["auth"] };

describe(requestDeployment.name, () => {
  let world: DeploymentFixture;
  let release: ReleaseRow;
  beforeEach(async () => {
    world = await createDeploymentFixture();
    await world.addServices(SERVICES);
    release = await world.addRelease(SERVICES);
  });
  afterEach(() => world.close());

  const request = (input: Parameters<typeof requestDeployment>[3] = {}, actor = OLIVIA) =>
    requestDeployment(world.deps, actor, release.number, input);

  /** Codes of everything in the way. */
  async function blockedBy(work: Promise<unknown>): Promise<readonly string[]> {
    const error = await work.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (!(error instanceof DeploymentBlocked)) {
      throw new Error("it was not refused for its gates", { cause: error });
    }
    expect(error.data.reasons.every(({ reason, remedy }) => reason !== "" && remedy !== "")).toBe(
      true,
    );
    return error.data.reasons.map(({ code }) => code);
  }

  it("takes exactly the signed commits, and what ran before from the target", async () => {
    await world.signAll(release);
    world.prod.drift("api", { version: "0.9", commit: "a".repeat(40) });

    const row = await request();

    const items = await ReleaseItemRow.findAll({ where: { releaseId: release.id } });
    for (const item of items) {
      expect(row.desired.find((one) => one.service === item.service)).toMatchObject({
        commit: item.headSha,
        version: item.headSha?.slice(0, 8),
        landBranch: "master",
        fromVersion: item.service === "api" ? "0.9" : null,
      });
    }
    expect(row).toMatchObject({
      status: "queued",
      fingerprint: release.fingerprint,
      land: "after",
    });
    expect(row.waves).toEqual([["auth"], ["api"]]);
    expect(await JobRow.findAll()).toMatchObject([
      { name: "deployment.advance", payload: { deploymentId: row.id } },
    ]);
    expect(await world.events("deployment.")).toEqual(["deployment.requested"]);
  });

  it("says everything that is in the way at once", async () => {
    await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Audit." });

    expect(await blockedBy(request())).toEqual([
      "sign_off.missing",
      "sign_off.missing",
      "environment.locked",
    ]);
    expect(await DeploymentRow.count()).toBe(0);
  });

  it("refuses whoever may not deploy there", async () => {
    await world.signAll(release);
    await expect(request({}, VIC)).rejects.toThrow(PermissionDenied);
    const elsewhere = { ...OLIVIA, grants: [{ role: "operator", environments: ["preprod"] }] };
    await expect(request({}, elsewhere)).rejects.toThrow(PermissionDenied);
    await expect(request({ environment: "preprod" }, elsewhere)).resolves.toBeDefined();
  });

  it("refuses a commit that slipped in after the signatures, and has the cards renewed", async () => {
    await world.signAll(release);
    world.scm.repository("api").commit("uat", { title: "feat: sneaky" });

    expect(await blockedBy(request())).toEqual(["content.changed"]);
    expect(await JobRow.findAll()).toMatchObject([
      { name: "release.refresh", payload: { number: release.number } },
    ]);
  });

  it("refuses commits that a force-push took away, and says so of each repository", async () => {
    await world.signAll(release);
    const api = world.scm.repository("api");
    const signed = api.tip("uat") ?? "";
    api.move("uat", api.tip("master") ?? "");
    api.commit("uat", { title: "feat: rewritten", files: { "a.txt": "other" } });
    api.drop(signed);

    expect(await blockedBy(request())).toEqual(["content.changed", "destination.unreadable"]);
    expect(await JobRow.count({ where: { name: "release.refresh" } })).toBe(1);
    expect((await release.reload()).status).toBe("approved");
  });

  it("refuses when a repository was deleted or renamed since, and names it", async () => {
    await world.signAll(release);
    world.scm.removeRepository("api");
    world.scm.repository("api-v2");
    await world.clock.advance(60_000);

    const error = await request().catch((reason: unknown) => reason);

    expect(error).toBeInstanceOf(DeploymentBlocked);
    const [reason] = (error as InstanceType<typeof DeploymentBlocked>).data.reasons;
    expect(reason).toMatchObject({
      code: "content.unreadable",
      reason: expect.stringContaining('"api"') as string,
      remedy: expect.stringContaining(`exclude ${release.number} api`) as string,
    });
    expect((await release.reload()).status).toBe("approved");
  });

  it("is not stopped by a provider that is down and has nothing in the release", async () => {
    const dead: ScmProvider = {
      ...createFakeScm({ id: "forge:0" }),
      listRepositories: () =>
        Promise.reject(new UpstreamUnavailable({ system: "forge:0", operation: "listing" })),
    };
    await world.signAll(release);
    const deps = { ...world.deps, ...createRepositoryFinder([dead, world.scm], world.clock) };
    const deployment = await requestDeployment(deps, OLIVIA, release.number, {});
    expect(deployment.status).toBe("queued");
  });

  it("names what a provider that is down has in the release, instead of failing as a whole", async () => {
    await world.signAll(release);
    const silent = () =>
      Promise.reject(new UpstreamUnavailable({ system: "forge:0", operation: "reading" }));
    const down: ScmProvider = {
      ...world.scm,
      resolveMany: silent,
      // eslint-disable-next-line require-yield -- it breaks off before its first answer
      async *compareMany() {
        await silent();
      },
    };
    const deps = { ...world.deps, ...createRepositoryFinder([down], world.clock) };
    expect(await blockedBy(requestDeployment(deps, OLIVIA, release.number, {}))).toEqual([
      "content.unreadable",
      "content.unreadable",
      "destination.unreadable",
      "destination.unreadable",
    ]);
  });

  it("lets a merge of an earlier release stand on the destination of a forge", async () => {
    await world.close();
    world = await createDeploymentFixture({
      scmOptions: { pullRequests: true, landing: "merge" },
    });
    await world.addServices(SERVICES);
    const api = world.scm.repository("api");
    const before = api.tip("master") ?? "";
    const merged = api.commit("uat", { title: "feat: earlier", files: { "a.txt": "2" } });
    api.commit("master", {
      title: "Merge pull request #1",
      parents: [before, merged],
      files: { "a.txt": "2" },
    });
    release = await world.addRelease(SERVICES);
    await world.signAll(release);
    await expect(request()).resolves.toMatchObject({ land: "after" });
  });

  it("refuses when the destination has moved on", async () => {
    await world.signAll(release);
    world.scm.repository("api").commit("master", { title: "fix: at night" });

    expect(await blockedBy(request())).toEqual(["destination.moved"]);
    // Elsewhere nothing lands, so it does not matter there.
    await expect(request({ environment: "preprod" })).resolves.toMatchObject({ land: "off" });
  });

  it("refuses when a repository cannot be read", async () => {
    await world.signAll(release);
    world.scm.breakRepository("api", {
      code: "repository_unreadable",
      reason: "Permission denied.",
    });

    expect(await blockedBy(request())).toEqual(["content.unreadable", "destination.unreadable"]);
  });

  it("changes nothing when the target cannot be asked", async () => {
    await world.signAll(release);
    world.prod.setReachable(false);

    await expect(request()).rejects.toMatchObject({ kind: "upstream" });
    expect(await DeploymentRow.count()).toBe(0);
    expect((await release.reload()).status).toBe("approved");
  });

  it("does not wait for ever for a target that does not answer", async () => {
    await world.close();
    world = await createDeploymentFixture({
      wrapTarget: (target) => ({ ...target, observe: () => new Promise(() => undefined) }),
    });
    await world.addServices(SERVICES);
    release = await world.addRelease(SERVICES);
    await world.signAll(release);

    await expect(world.whileTimePasses(request())).rejects.toMatchObject({ kind: "timeout" });
  });

  it("lets one of two go first, and tells the other who did", async () => {
    await world.signAll(release);
    const results = await Promise.allSettled([request(), request(), request()]);

    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    const refused = results.flatMap((result) =>
      result.status === "rejected" ? [result.reason as unknown] : [],
    );
    for (const error of refused) {
      expect(error).toBeInstanceOf(DeploymentBlocked);
      expect(error).toMatchObject({
        message: expect.stringContaining("Deployment #") as string,
        data: { reasons: [expect.objectContaining({ code: "environment.busy" })] },
      });
      expect(String(error instanceof AppError && error.message)).toContain("by Olivia");
    }
    expect(await DeploymentRow.count()).toBe(1);
  });

  it("refuses content that changed while it asked around", async () => {
    await world.signAll(release);
    const open = world.scm.slow("api");
    const asked = request();
    await world.scm.whenAsked("api");
    await world.db.uow.run(async (tx) => {
      await release.update(
        { fingerprint: "f1:other", version: release.version + 1 },
        { transaction: tx.sequelize },
      );
    });
    open();
    await expect(asked).rejects.toThrow(ReleaseChanged);
  });

  it("refuses a signature that was revoked while it asked around", async () => {
    await world.signAll(release);
    const open = world.scm.slow("api");
    const asked = request();
    await world.scm.whenAsked("api");
    await world.db.uow.run((tx) =>
      SignOffRow.update(
        { revokedAt: world.clock.now() },
        { where: { role: "qa" }, transaction: tx.sequelize },
      ),
    );
    open();
    expect(await blockedBy(asked)).toEqual(["sign_off.missing"]);
  });

  it("refuses an environment that was locked while it asked around", async () => {
    await world.signAll(release);
    const open = world.scm.slow("api");
    const asked = request();
    await world.scm.whenAsked("api");
    await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Now!" });
    open();
    expect(await blockedBy(asked)).toEqual(["environment.locked"]);
  });

  it("goes on when a lock has run out, also before anybody has ended it", async () => {
    await world.signAll(release);
    await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Audit.", forMs: 60_000 });
    expect(await blockedBy(request())).toEqual(["environment.locked"]);

    await world.clock.advance(60_001);
    await expect(request()).resolves.toMatchObject({ status: "queued" });
    expect(await LockRow.count({ where: { endedAt: null } })).toBe(1);
  });

  it("does not leave out what the chosen services depend on", async () => {
    await world.signAll(release);
    expect(await blockedBy(request({ only: ["api"] }))).toEqual(["order.skipped"]);
    expect(await blockedBy(request({ fromWave: 2 }))).toEqual(["order.skipped"]);
    expect(await blockedBy(request({ only: ["nobody"] }))).toEqual(["release.item_missing"]);
  });

  it("asks a release of no environment for a place, and for both policies there", async () => {
    release = await world.addRelease(SERVICES, { target: null });
    await expect(request()).rejects.toThrow(EnvironmentMissing);
    expect(await blockedBy(request({ environment: "preprod" }))).toEqual([
      "sign_off.missing",
      "sign_off.missing",
    ]);
    await world.sign(release, DANA, "dev");
    await world.sign(release, QUINN, "qa");
    await expect(request({ environment: "PREPROD" })).resolves.toMatchObject({
      environment: "preprod",
    });
  });

  it("leaves the status alone when it goes elsewhere", async () => {
    await world.signAll(release);
    const row = await request({ environment: "preprod" });
    expect((await world.finish(row)).status).toBe("succeeded");
    expect(["pending", "approved"]).toContain((await release.reload()).status);
    expect(await DeploymentStepRow.count({ where: { stage: "land" } })).toBe(0);
  });

  it("deploys nothing of a release in a circle", async () => {
    release = await world.addRelease({ auth: ["api"], api: ["auth"] });
    await world.signAll(release);
    expect(await blockedBy(request())).toEqual(["order.cyclic"]);
  });

  it("does not bring what is excluded", async () => {
    release = await world.addRelease(SERVICES, { excluded: ["auth"] });
    await world.signAll(release);
    const row = await request();
    expect(row.waves).toEqual([["api"]]);
    expect(row.desired.map((one) => one.service)).toEqual(["api"]);
  });

  it("needs the repository of every item to be configured still", async () => {
    await world.signAll(release);
    world.scm.removeRepository("api");
    expect(await blockedBy(request())).toEqual(["content.unreadable", "destination.unreadable"]);
    expect(await ServiceRow.count()).toBe(2);
  });
});
