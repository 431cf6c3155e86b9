import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentLogRow } from "../../db/rows/deployment-log.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { EnvironmentStateRow } from "../../db/rows/environment-state.ts";
import { EventRow } from "../../db/rows/event.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { git } from "../../integrations/scm/git/testing/git-workbench.ts";
import { startProcess } from "../../testing/child-process.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import { createDeploymentRunner } from "./deployment-runner.ts";
import { isProcessDead, processIdentity } from "../../lib/process-identity.ts";
import { CRASH_SERVICES, crashDeps, effectLines, prepareCrash } from "./testing/crash-workspace.ts";

const PROCESS = "shared/app/deployments/testing/runner-process.ts";
const SERVICES = Object.keys(CRASH_SERVICES);

describe("a runner that is killed", { timeout: 120_000 }, () => {
  let folder: string;
  let db: TestDatabase;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-crash-"));
    db = await createTestDatabase();
  });
  afterEach(async () => {
    await db.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs the deployment in another process until it kills itself there. */
  async function killAt(deploymentId: string, boundary: string, nth: number): Promise<void> {
    const victim = startProcess(PROCESS, [db.url, folder, deploymentId, boundary, String(nth)]);
    const { code, stderr } = await victim.ended;
    expect({ code, stderr }).toEqual({ code: "SIGKILL", stderr: "" });
  }

  /** What a restart does: looks for what was left running and takes it over. */
  async function restart(deploymentId: string): Promise<DeploymentRow> {
    const owner = processIdentity();
    const runner = createDeploymentRunner({
      ...crashDeps(folder, db.uow),
      owner,
      leaseMs: 60_000,
      heartbeatMs: 20_000,
      stopGraceMs: 1_000,
      parallel: 10,
      isOwnerDead: (other) => isProcessDead(other, owner),
    });
    await runner.advance(deploymentId);
    await runner.sweep();
    await runner.stop();
    return DeploymentRow.findByPk(deploymentId, { rejectOnEmpty: true });
  }

  /** Commits the target says it runs. */
  async function running(): Promise<Readonly<Record<string, string | null>>> {
    const observed = await crashDeps(folder, db.uow)
      .targets("prod")
      .observe(SERVICES, new AbortController().signal);
    return Object.fromEntries(observed.map((state) => [state.service, state.commit]));
  }

  async function eventNames(): Promise<readonly string[]> {
    return (await EventRow.findAll()).map((row) => row.name);
  }

  it.each([
    ["claimed", 1],
    ["deploy:running", 1],
    ["deploy:done", 1],
    ["deploy:recorded", 1],
    ["verify:running", 1],
    ["verify:done", 1],
    ["verify:recorded", 1],
    ["deploy:running", 2],
    ["deploy:done", 2],
    ["verify:recorded", 2],
    ["land:running", 1],
    ["land:done", 1],
    ["land:recorded", 1],
    ["land:done", 2],
    ["finishing", 1],
    ["finished", 1],
  ])("at %s (%i) is taken over, and everything happens once", async (boundary, nth) => {
    const { deploymentId, heads } = await prepareCrash(folder, db.uow, { withMigration: false });
    await killAt(deploymentId, boundary, nth);

    const ended = await restart(deploymentId);

    expect(ended.status).toBe("succeeded");
    expect(await effectLines(folder, "applied.log")).toEqual(["auth", "api"]);
    expect(await running()).toEqual(heads);
    for (const service of SERVICES) {
      const tip = await git(join(folder, "repos", service), ["rev-parse", "trunk"]);
      expect(tip).toBe(heads[service]);
    }
    expect(await EnvironmentStateRow.findByPk("prod")).toMatchObject({ activeDeployment: null });
    expect((await ReleaseRow.findOne())?.status).toBe("deployed");
    const names = await eventNames();
    expect(names.filter((name) => name === "deployment.finished")).toHaveLength(1);
    expect(names.filter((name) => name === "release.item_landed")).toHaveLength(2);
    expect(names.filter((name) => name === "deployment.resumed")).toHaveLength(
      boundary === "finished" ? 0 : 1,
    );
    const open = await DeploymentStepRow.count({ where: { status: ["pending", "running"] } });
    expect(open).toBe(0);
  });

  it.each([
    ["merge:running", 1],
    ["merge:done", 1],
    ["merge:recorded", 2],
  ])(
    "at %s (%i) with the merge first is taken over, and everything happens once",
    async (boundary, nth) => {
      const { deploymentId, heads } = await prepareCrash(folder, db.uow, {
        withMigration: false,
        land: "before",
      });
      await killAt(deploymentId, boundary, nth);

      const ended = await restart(deploymentId);

      expect(ended.status).toBe("succeeded");
      expect(await effectLines(folder, "applied.log")).toEqual(["auth", "api"]);
      expect(await running()).toEqual(heads);
      expect((await ReleaseRow.findOne())?.status).toBe("deployed");
      const names = await eventNames();
      expect(names.filter((name) => name === "release.item_landed")).toHaveLength(2);
    },
  );

  it.each([
    ["migrate:running", 0],
    ["migrate:done", 1],
  ])("at %s never migrates twice, and asks people to look", async (boundary, migrations) => {
    const { deploymentId } = await prepareCrash(folder, db.uow, { withMigration: true });
    await killAt(deploymentId, boundary, 1);

    const ended = await restart(deploymentId);

    expect(ended.status).toBe("errored");
    expect(ended.summary).toContain("nobody can tell whether it finished");
    expect(await effectLines(folder, "migrated.log")).toHaveLength(migrations);
    expect(await effectLines(folder, "applied.log")).toEqual([]);
    expect((await ReleaseRow.findOne())?.status).toBe("failed");
  });

  it("after a migration was recorded goes on with it done", async () => {
    const { deploymentId, heads } = await prepareCrash(folder, db.uow, { withMigration: true });
    await killAt(deploymentId, "migrate:recorded", 1);

    expect((await restart(deploymentId)).status).toBe("succeeded");
    expect(await effectLines(folder, "migrated.log")).toEqual(["auth"]);
    expect(await running()).toEqual(heads);
  });

  it.runIf(process.platform === "linux")(
    "in the middle of a command that goes on is taken over without a second one beside it",
    async () => {
      const { deploymentId, heads } = await prepareCrash(folder, db.uow, { withMigration: false });
      const hold = join(folder, "hold");
      await writeFile(hold, "");
      const victim = startProcess(PROCESS, [db.url, folder, deploymentId, "never", "1"]);
      await Promise.race([
        victim.ended,
        until(async () => (await effectLines(folder, "applied.log")).length > 0),
      ]);
      victim.child.kill("SIGKILL");
      expect(await victim.ended).toEqual({ code: "SIGKILL", stderr: "" });

      const restarted = restart(deploymentId);
      const waits = () => DeploymentLogRow.findAll({ where: { deploymentId, stage: "deploy" } });
      await Promise.race([restarted, until(async () => (await waits()).length > 0)]);
      expect((await waits()).map(({ service, line }) => [service, line])).toEqual([
        ["auth", expect.stringMatching(/^An earlier run .* still working .* Waiting for it\.$/)],
      ]);
      await rm(hold);

      expect((await restarted).status).toBe("succeeded");
      expect(await effectLines(folder, "applied.log")).toEqual(["auth", "api"]);
      expect(await running()).toEqual(heads);
    },
  );
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
