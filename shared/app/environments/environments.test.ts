import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { EnvironmentStateRow } from "../../db/rows/environment-state.ts";
import { LockRow } from "../../db/rows/lock.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import {
  EnvironmentAlreadyLocked,
  EnvironmentNotFound,
  EnvironmentNotLocked,
  HoldNotFound,
  InputInvalid,
  PermissionDenied,
  PromotionEmpty,
  PromotionStale,
  ReleaseAlreadyOpen,
  RestartFailed,
  RestartUnsupported,
  ServiceNotFound,
} from "../../errors/catalog.ts";
import { requestDeployment } from "../deployments/request-deployment.ts";
import {
  createDeploymentFixture,
  DANA,
  OLIVIA,
  VIC,
  type DeploymentFixture,
} from "../deployments/testing/deployment-fixture.ts";
import { viewDiff } from "./diff-environments.ts";
import { environmentHealth, listEnvironments, viewEnvironment } from "./environment-queries.ts";
import {
  endExpiredLocks,
  holdEnvironment,
  lockEnvironment,
  resumeEnvironment,
  unlockEnvironment,
} from "./lock-environment.ts";
import { promoteEnvironment } from "./promote-environment.ts";
import { recordBaselines } from "./record-baseline.ts";
import { restartService } from "./restart-service.ts";

const SERVICES = { auth: [], api: ["auth"] };

let world: DeploymentFixture;
beforeEach(async () => {
  world = await createDeploymentFixture();
  await world.addServices(SERVICES);
});
afterEach(() => world.close());

async function baseline(): Promise<void> {
  await recordBaselines(world.deps, "master");
  for (const row of await DeploymentRow.findAll({ where: { status: "queued" } })) {
    await world.finish(row);
  }
}

describe(recordBaselines.name, () => {
  it("deploys the branch everywhere once, through the same engine", async () => {
    await baseline();
    await baseline();

    const rows = await DeploymentRow.findAll({ order: [["number", "ASC"]] });
    expect(rows.map((row) => [row.environment, row.status, row.requestedByName])).toEqual([
      ["preprod", "succeeded", "Slipway"],
      ["prod", "succeeded", "Slipway"],
    ]);
    expect(rows[0]?.waves).toEqual([["auth"], ["api"]]);
    expect(world.prod.effects.map((effect) => effect.service)).toEqual(["auth", "api"]);
    expect(await EnvironmentStateRow.count()).toBe(2);
    expect(await world.events("environment.baseline")).toHaveLength(2);
  });

  it("waits for a locked environment to be open", async () => {
    await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Not yet." });
    await baseline();
    expect(await DeploymentRow.count()).toBe(1);
    await unlockEnvironment(world.deps, OLIVIA, "prod");
    await baseline();
    expect(await DeploymentRow.count()).toBe(2);
  });

  it("leaves out what cannot be read", async () => {
    world.scm.breakRepository("api", { code: "repository_missing" });
    await baseline();
    expect(world.prod.effects.map((effect) => effect.service)).toEqual(["auth"]);
  });
});

describe(viewEnvironment.name, () => {
  it("tells what the target says, since when and by whom", async () => {
    await baseline();
    const view = await viewEnvironment(world.deps, VIC, "prod");

    expect(view).toMatchObject({
      name: "prod",
      target: "fake",
      land: "after",
      signOff: { dev: 1, qa: 1 },
      lock: null,
      hold: null,
      activeDeployment: null,
      unreachable: null,
      abilities: { lock: { allowed: false }, unlock: { allowed: false } },
    });
    expect(view.services).toMatchObject([
      { service: "api", health: "healthy", deployment: 2, drifted: false },
      {
        service: "auth",
        commit: world.scm.repository("auth").tip("master"),
        deployedBy: { username: "slipway", name: "Slipway" },
      },
    ]);
  });

  it("notices what somebody changed behind our back", async () => {
    await baseline();
    world.prod.drift("api", { version: "hotfix", commit: "b".repeat(40) });
    world.prod.drift("auth", null);
    const view = await viewEnvironment(world.deps, VIC, "prod");
    expect(view.services).toMatchObject([
      { service: "api", version: "hotfix", drifted: true },
      { service: "auth", version: null, health: "absent", drifted: true },
    ]);
  });

  it("shows what was known last when the target cannot be asked, and says so", async () => {
    await baseline();
    await viewEnvironment(world.deps, VIC, "prod");
    world.prod.setReachable(false);

    const view = await viewEnvironment(world.deps, VIC, "prod");
    expect(view.unreachable).toContain("unplugged");
    expect(view.services).toMatchObject([
      { service: "api", health: "healthy", drifted: false },
      { service: "auth", commit: world.scm.repository("auth").tip("master") },
    ]);
    const [preprod, prod] = await environmentHealth(world.deps, VIC);
    expect(preprod?.unreachable).toBeNull();
    expect(prod?.unreachable).not.toBeNull();
  });

  it("asks once for everybody who asks at the same time, and never answers with the past", async () => {
    let asked = 0;
    await world.close();
    world = await createDeploymentFixture({
      wrapTarget: (target) => ({
        ...target,
        observe(services, signal) {
          asked += 1;
          return target.observe(services, signal);
        },
      }),
    });
    await world.addServices(SERVICES);
    await Promise.all(Array.from({ length: 20 }, () => listEnvironments(world.deps, VIC)));
    // One flight under way and one for everybody who came later, for each of the two.
    expect(asked).toBeLessThanOrEqual(4);
  });

  it("knows its environments by any case, and no others", async () => {
    expect((await viewEnvironment(world.deps, VIC, "PROD")).name).toBe("prod");
    await expect(viewEnvironment(world.deps, VIC, "nowhere")).rejects.toThrow(EnvironmentNotFound);
  });
});

describe(lockEnvironment.name, () => {
  const lock = (reason = "Audit.") => lockEnvironment(world.deps, OLIVIA, "prod", { reason });

  it("stands until somebody ends it, shown with its owner", async () => {
    await lock();
    expect((await viewEnvironment(world.deps, OLIVIA, "prod")).lock).toMatchObject({
      by: { username: "olivia" },
      reason: "Audit.",
      until: null,
    });
    await expect(lock("Me too.")).rejects.toThrow(EnvironmentAlreadyLocked);
    await unlockEnvironment(world.deps, OLIVIA, "prod");
    await expect(unlockEnvironment(world.deps, OLIVIA, "prod")).rejects.toThrow(
      EnvironmentNotLocked,
    );
    await lock("Again.");
    expect(await world.events("environment.")).toEqual([
      "environment.locked",
      "environment.unlocked",
      "environment.locked",
    ]);
  });

  it("is given to one of many who want it at once", async () => {
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => lock()));
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
    expect(await LockRow.count()).toBe(1);
  });

  it("ends by itself when its time is over, and tells so once", async () => {
    await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Lunch.", forMs: 60_000 });
    await endExpiredLocks(world.deps);
    expect(await world.events("environment.unlocked")).toHaveLength(0);

    await world.clock.advance(60_000);
    await endExpiredLocks(world.deps);
    await endExpiredLocks(world.deps);
    expect(await world.events("environment.unlocked")).toHaveLength(1);
    expect((await viewEnvironment(world.deps, OLIVIA, "prod")).lock).toBeNull();
  });

  it("can be taken again right after its time, before anybody has swept", async () => {
    await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Lunch.", forMs: 60_000 });
    await world.clock.advance(60_001);
    await lock("Audit.");
    expect((await viewEnvironment(world.deps, OLIVIA, "prod")).lock).toMatchObject({
      reason: "Audit.",
    });
  });

  it("needs the right to, and records whoever tries without", async () => {
    await expect(lockEnvironment(world.deps, VIC, "prod", { reason: "Because." })).rejects.toThrow(
      PermissionDenied,
    );
    expect(await world.events("access.denied")).toHaveLength(1);
  });
});

describe(holdEnvironment.name, () => {
  it("stands once, and can be ended once", async () => {
    await holdEnvironment(world.deps, OLIVIA, "prod", "Watching.");
    await holdEnvironment(world.deps, OLIVIA, "prod", "Still watching.");
    expect((await viewEnvironment(world.deps, OLIVIA, "prod")).hold).toMatchObject({
      reason: "Watching.",
    });
    await resumeEnvironment(world.deps, OLIVIA, "prod");
    await expect(resumeEnvironment(world.deps, OLIVIA, "prod")).rejects.toThrow(HoldNotFound);
  });
});

describe(promoteEnvironment.name, () => {
  const promote = (input: Partial<Parameters<typeof promoteEnvironment>[2]> = {}) =>
    promoteEnvironment(world.deps, OLIVIA, { from: "preprod", to: "prod", ...input });

  /** Brings new commits of both services to preprod only. */
  async function moveOn(): Promise<void> {
    const release = await world.addRelease(SERVICES);
    await world.signAll(release);
    const row = await requestDeployment(world.deps, OLIVIA, release.number, {
      environment: "preprod",
    });
    await world.finish(row);
    await world.db.uow.run((tx) =>
      release.update({ status: "cancelled", openKey: null }, { transaction: tx.sequelize }),
    );
  }

  it("makes a release of exactly what the first environment runs", async () => {
    await baseline();
    await moveOn();
    const diff = await viewDiff(world.deps, VIC, "preprod", "prod");
    expect(diff.rows.map((row) => [row.service, row.change])).toEqual([
      ["api", "version_bump"],
      ["auth", "version_bump"],
    ]);

    const number = await promote({ hash: diff.hash });
    const release = await ReleaseRow.findOne({ where: { number }, rejectOnEmpty: true });
    expect(release).toMatchObject({
      kind: "promotion",
      status: "pending",
      fromEnvironment: "preprod",
      targetEnvironment: "prod",
      diffHash: diff.hash,
    });
    const items = await ReleaseItemRow.findAll({
      where: { releaseId: release.id },
      order: [["service", "ASC"]],
    });
    expect(items).toMatchObject([
      {
        service: "api",
        headSha: world.scm.repository("api").tip("uat"),
        baseSha: world.scm.repository("api").tip("master"),
        commitCount: 1,
        dependsOn: ["auth"],
      },
      { service: "auth" },
    ]);

    // Whatever preprod runs later, prod gets what was signed.
    await world.signAll(release);
    await moveOn();
    const deployment = await requestDeployment(world.deps, OLIVIA, number, {});
    expect((await world.finish(deployment)).status).toBe("succeeded");
    const [api] = await world.prod.observe(["api"], new AbortController().signal);
    expect(api?.commit).toBe(items[0]?.headSha);
    expect((await release.reload()).status).toBe("deployed");
    expect(deployment.land).toBe("off");
  });

  it("refuses a comparison that is no longer true", async () => {
    await baseline();
    await moveOn();
    const { hash } = await viewDiff(world.deps, VIC, "preprod", "prod");
    await moveOn();
    await expect(promote({ hash })).rejects.toThrow(PromotionStale);
  });

  it("is not deployed where something else runs than it was compared with", async () => {
    await baseline();
    await moveOn();
    const release = await ReleaseRow.findOne({
      where: { number: await promote() },
      rejectOnEmpty: true,
    });
    await world.signAll(release);
    world.prod.drift("api", { version: "hotfix", commit: "b".repeat(40) });
    await expect(requestDeployment(world.deps, OLIVIA, release.number, {})).rejects.toMatchObject({
      data: { reasons: [expect.objectContaining({ code: "promotion.stale" })] },
    });
  });

  it("takes single services, and refuses what makes no sense", async () => {
    await baseline();
    await expect(promote()).rejects.toThrow(PromotionEmpty);
    await moveOn();
    await expect(promote({ services: ["nobody"] })).rejects.toThrow(ServiceNotFound);
    await expect(promote({ to: "preprod" })).rejects.toThrow(InputInvalid);
    await expect(
      promoteEnvironment(world.deps, DANA, { from: "preprod", to: "prod" }),
    ).rejects.toThrow(PermissionDenied);
    const number = await promote({ services: ["auth"] });
    const release = await ReleaseRow.findOne({ where: { number }, rejectOnEmpty: true });
    expect(await ReleaseItemRow.count({ where: { releaseId: release.id } })).toBe(1);
    await expect(promote()).rejects.toThrow(ReleaseAlreadyOpen);
  });

  it("keeps the way the configuration says", async () => {
    await world.close();
    world = await createDeploymentFixture({
      environments: [{ name: "prod", promoteFrom: "staging" }],
    });
    await expect(promote()).rejects.toThrow("prod is promoted from staging");
  });
});

describe(restartService.name, () => {
  it("restarts what runs, and tells how it went", async () => {
    await baseline();
    await restartService(world.deps, OLIVIA, "prod", "api");
    expect(world.prod.effects.at(-1)).toMatchObject({ operation: "restart", service: "api" });

    world.prod.failNext("restart", "api", { detail: "Exit code 1." });
    await expect(restartService(world.deps, OLIVIA, "prod", "api")).rejects.toThrow(RestartFailed);
    expect(await world.events("service.restarted")).toHaveLength(2);
    await expect(restartService(world.deps, OLIVIA, "prod", "nobody")).rejects.toThrow(
      ServiceNotFound,
    );
    await expect(restartService(world.deps, VIC, "prod", "api")).rejects.toThrow(PermissionDenied);
  });

  it("says when the target has no way to do it", async () => {
    await world.close();
    world = await createDeploymentFixture({
      wrapTarget: ({ id, plan, apply, observe }) => ({ id, plan, apply, observe }),
    });
    await world.addServices(SERVICES);
    await expect(restartService(world.deps, OLIVIA, "prod", "api")).rejects.toThrow(
      RestartUnsupported,
    );
  });
});
