import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { EnvironmentStateRow } from "../../db/rows/environment-state.ts";
import { LockRow } from "../../db/rows/lock.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import {
  DeploymentBlocked,
  PermissionDenied,
  RollbackImpossible,
  ServiceNotFound,
} from "../../errors/catalog.ts";
import { lockEnvironment } from "../environments/lock-environment.ts";
import { recordBaselines } from "../environments/record-baseline.ts";
import { requestDeployment } from "./request-deployment.ts";
import { rollBack } from "./roll-back.ts";
import {
  createDeploymentFixture,
  DANA,
  OLIVIA,
  type DeploymentFixture,
} from "./testing/deployment-fixture.ts";

const SERVICES = { auth: [], api: ["auth"] };

describe(rollBack.name, () => {
  let world: DeploymentFixture;
  let baseline: DeploymentRow;
  beforeEach(async () => {
    world = await createDeploymentFixture();
    await world.addServices(SERVICES);
    await recordBaselines(world.deps, "master");
    for (const row of await DeploymentRow.findAll()) {
      await world.finish(row);
    }
    baseline = await DeploymentRow.findOne({
      where: { environment: "prod" },
      rejectOnEmpty: true,
    });
  });
  afterEach(() => world.close());

  async function request(): Promise<{ release: ReleaseRow; deployment: DeploymentRow }> {
    const release = await world.addRelease(SERVICES);
    await world.signAll(release);
    return { release, deployment: await requestDeployment(world.deps, OLIVIA, release.number, {}) };
  }

  async function deploy(): Promise<{ release: ReleaseRow; deployment: DeploymentRow }> {
    const { release, deployment } = await request();
    return { release, deployment: await world.finish(deployment) };
  }

  /** Commits that run, by service. */
  async function running(): Promise<Readonly<Record<string, string | null>>> {
    const states = await world.prod.observe(Object.keys(SERVICES), new AbortController().signal);
    return Object.fromEntries(states.map((state) => [state.service, state.commit]));
  }

  function commitsOf(deployment: DeploymentRow): Readonly<Record<string, string | null>> {
    return Object.fromEntries(deployment.desired.map((one) => [one.service, one.commit]));
  }

  const back = (input: Partial<Parameters<typeof rollBack>[2]> = {}, actor = OLIVIA) =>
    rollBack(world.deps, actor, { environment: "prod", reason: "Logins fail.", ...input });

  it("brings back what ran before, dependents first, verified, and holds automation", async () => {
    const { release, deployment } = await deploy();
    expect(await running()).toEqual(commitsOf(deployment));
    const before = world.prod.effects.length;

    const row = await back();
    expect(row).toMatchObject({
      kind: "rollback",
      rollbackOf: deployment.number,
      restores: baseline.number,
      reason: "Logins fail.",
      releaseNumber: release.number,
      land: "off",
    });
    expect((await world.finish(row)).summary).toBe("api and auth run the earlier version in prod.");

    expect(await running()).toEqual(commitsOf(await baseline.reload()));
    expect(world.prod.effects.slice(before).map((effect) => effect.service)).toEqual([
      "api",
      "auth",
    ]);
    expect((await release.reload()).status).toBe("rolled_back");
    expect((await deployment.reload()).status).toBe("rolled_back");
    expect(await LockRow.findOne({ where: { kind: "hold" } })).toMatchObject({
      environment: "prod",
      name: "Olivia",
      reason: `Rolled back to deployment #${baseline.number}: Logins fail.`,
      activeKey: "hold/prod",
    });
  });

  it("goes back over several deployments to the one that is named", async () => {
    const first = await deploy();
    const second = await deploy();

    const row = await back({ to: baseline.number });
    expect((await world.finish(row)).status).toBe("succeeded");

    expect(await running()).toEqual(commitsOf(await baseline.reload()));
    expect((await first.release.reload()).status).toBe("rolled_back");
    expect((await second.release.reload()).status).toBe("rolled_back");
  });

  it("takes back single services, and leaves the others", async () => {
    const { deployment } = await deploy();
    const row = await back({ services: ["api"] });
    expect((await world.finish(row)).status).toBe("succeeded");

    expect(await running()).toEqual({
      auth: commitsOf(deployment)["auth"],
      api: commitsOf(await baseline.reload())["api"],
    });
  });

  it("takes over from a deployment that is only being verified", async () => {
    const { deployment } = await request();
    world.prod.setHealth("api", { health: "progressing" });
    const ending = world.finish(deployment);
    while ((await deployment.reload()).status !== "verifying") {
      await world.db.uow.run(async () => undefined);
    }

    const row = await back();
    world.prod.setHealth("api", null);
    expect((await world.finish(row)).status).toBe("succeeded");
    await ending;

    expect(await running()).toEqual(commitsOf(await baseline.reload()));
    expect(await deployment.reload()).toMatchObject({ status: "rolled_back" });
    expect((await deployment.reload()).summary).toContain("Olivia rolled it back");
    expect(await EnvironmentStateRow.findByPk("prod")).toMatchObject({ activeDeployment: null });
  });

  it("waits for a deployment that still changes things", async () => {
    const { deployment } = await request();
    const hanging = world.prod.hang("apply", "auth");
    const ending = world.finish(deployment);
    await hanging.reached;

    await expect(back()).rejects.toMatchObject({
      data: { reasons: [expect.objectContaining({ code: "environment.busy" })] },
    });
    hanging.release();
    await ending;
  });

  it("is never a rollback of a rollback unless somebody names where to go", async () => {
    const { deployment } = await deploy();
    await world.finish(await back());

    await expect(back()).rejects.toThrow(RollbackImpossible);
    const forth = back({ to: deployment.number });
    await expect(forth).rejects.toThrow("only a success can be gone back to");
  });

  it("needs no signatures but the right to do it, and an open environment", async () => {
    await deploy();
    await expect(back({}, DANA)).rejects.toThrow(PermissionDenied);
    await expect(back({ services: ["nobody"] })).rejects.toThrow(ServiceNotFound);
    await expect(back({ to: 99 })).rejects.toThrow(RollbackImpossible);
    await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Audit." });
    await expect(back()).rejects.toThrow(DeploymentBlocked);
  });

  it("changes nothing when there is nothing to go back to, or nobody can tell what runs", async () => {
    await expect(back()).rejects.toThrow(RollbackImpossible);
    await deploy();
    world.prod.setReachable(false);
    await expect(back()).rejects.toMatchObject({ kind: "upstream" });
    expect(await DeploymentRow.count({ where: { kind: "rollback" } })).toBe(0);
  });

  it("says so when it fails, and can be tried again", async () => {
    const { release } = await deploy();
    world.prod.failNext("apply", "auth", { detail: "No such version." });
    const row = await world.finish(await back());

    expect(row.status).toBe("failed");
    expect(row.summary).toContain("api runs the earlier version in prod. auth does not run it.");
    expect((await release.reload()).status).toBe("failed");
  });
});
