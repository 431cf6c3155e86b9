import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import {
  DeploymentBlocked,
  DeploymentFinished,
  DeploymentNotFound,
  PermissionDenied,
  ReleaseNotFound,
} from "../../errors/catalog.ts";
import { lockEnvironment } from "../environments/lock-environment.ts";
import { recordBaselines } from "../environments/record-baseline.ts";
import type { DeploymentServices } from "../services.ts";
import { createDeploymentServices } from "./deployment-services.ts";
import {
  createDeploymentFixture,
  DANA,
  OLIVIA,
  VIC,
  type DeploymentFixture,
} from "./testing/deployment-fixture.ts";

const SERVICES = { auth: [], api: ["auth"], web: ["api"] };
const PAGE = { limit: 50, offset: 0 };

describe(createDeploymentServices.name, () => {
  let world: DeploymentFixture;
  let services: DeploymentServices;
  let release: ReleaseRow;
  beforeEach(async () => {
    world = await createDeploymentFixture();
    await world.addServices(SERVICES);
    services = createDeploymentServices(world.deps);
    release = await world.addRelease(SERVICES);
    await world.signAll(release);
  });
  afterEach(() => world.close());

  async function run(number: number): Promise<DeploymentRow> {
    return world.finish(await DeploymentRow.findOne({ where: { number }, rejectOnEmpty: true }));
  }

  describe("plan", () => {
    it("says what would happen, to anybody, and changes nothing", async () => {
      world.prod.drift("api", { version: "0.9", commit: "a".repeat(40) });
      const plan = await services.plan(VIC, release.number);

      expect(plan).toMatchObject({
        release: release.number,
        environment: "prod",
        possible: true,
        order: { waves: [["auth"], ["api"], ["web"]], cycle: null },
        expectedDurationMs: null,
        warnings: [],
      });
      expect(plan.changes).toMatchObject([
        { service: "auth", wave: 1, from: null, change: "create" },
        { service: "api", wave: 2, from: "0.9", change: "update" },
        { service: "web", wave: 3, from: null, change: "create" },
      ]);
      expect(plan.requirements.every((requirement) => requirement.met)).toBe(true);
      expect(await DeploymentRow.count()).toBe(0);
    });

    it("tells every gate, and how long it usually takes", async () => {
      await recordBaselines(world.deps, "master");
      for (const row of await DeploymentRow.findAll()) {
        await world.finish(row);
      }
      await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Audit." });
      const plan = await services.plan(VIC, release.number, "prod");

      expect(plan.possible).toBe(false);
      expect(plan.requirements.filter((requirement) => !requirement.met)).toMatchObject([
        { id: "not-locked", code: "environment.locked" },
      ]);
      expect(plan.expectedDurationMs).toBeGreaterThanOrEqual(0);
    });

    it("warns where the target cannot be asked", async () => {
      world.prod.setReachable(false);
      const plan = await services.plan(VIC, release.number);
      expect(plan.possible).toBe(true);
      expect(plan.warnings).toMatchObject([
        expect.stringContaining("What prod runs now is not known"),
      ]);
      expect(plan.changes).toHaveLength(3);
      await expect(services.plan(VIC, 99)).rejects.toThrow(ReleaseNotFound);
    });
  });

  describe("retry", () => {
    it("deploys what did not get there, under the same gates", async () => {
      world.prod.failNext("apply", "api");
      const first = await services.request(OLIVIA, release.number, {});
      expect((await run(first.number)).status).toBe("failed");

      const second = await services.retry(OLIVIA, first.number);
      expect(second).toMatchObject({ status: "queued", waves: [["api"], ["web"]] });
      expect((await run(second.number)).status).toBe("succeeded");
      expect((await release.reload()).status).toBe("deployed");
      // What the first one deployed lands with it.
      expect(world.scm.repository("auth").tip("master")).toBe(
        world.scm.repository("auth").tip("uat"),
      );
      await expect(services.retry(OLIVIA, second.number)).rejects.toThrow(DeploymentFinished);
    });

    it("is refused like any other deploy", async () => {
      world.prod.failNext("apply", "auth");
      const first = await services.request(OLIVIA, release.number, {});
      await expect(services.retry(OLIVIA, first.number)).rejects.toThrow(DeploymentBlocked);
      await run(first.number);
      world.scm.repository("web").commit("uat", { title: "feat: sneaky" });

      await expect(services.retry(OLIVIA, first.number)).rejects.toMatchObject({
        data: { reasons: [expect.objectContaining({ code: "content.changed" })] },
      });
      await expect(services.retry(DANA, first.number)).rejects.toThrow(PermissionDenied);
    });

    it("repeats a baseline and a rollback too", async () => {
      world.prod.failNext("apply", "auth");
      await recordBaselines(world.deps, "master");
      for (const row of await DeploymentRow.findAll()) {
        await world.finish(row);
      }
      const failed = await DeploymentRow.findOne({
        where: { environment: "prod" },
        rejectOnEmpty: true,
      });
      expect(failed.status).toBe("failed");
      const again = await services.retry(OLIVIA, failed.number);
      expect((await run(again.number)).status).toBe("succeeded");

      const deployed = await services.request(OLIVIA, release.number, {});
      expect((await run(deployed.number)).status).toBe("succeeded");
      world.prod.failNext("apply", "auth");
      const back = await services.rollBack(OLIVIA, { environment: "prod", reason: "Slow." });
      expect((await run(back.number)).status).toBe("failed");
      const once = await services.retry(OLIVIA, back.number);
      expect(once).toMatchObject({ kind: "rollback", services: ["auth"], reason: "Slow." });
      expect((await run(once.number)).status).toBe("succeeded");
    });
  });

  describe("cancel", () => {
    it("says when there is nothing left to stop, and is harmless twice", async () => {
      const row = await services.request(OLIVIA, release.number, {});
      await expect(services.cancel(DANA, row.number, { then: "leave" })).rejects.toThrow(
        PermissionDenied,
      );
      const hanging = world.prod.hang("apply", "auth");
      const ending = run(row.number);
      await hanging.reached;
      const first = await services.cancel(OLIVIA, row.number, { then: "leave" });
      expect(first).toMatchObject({
        status: "aborting",
        cancelRequestedBy: { name: "Olivia" },
        abilities: { cancel: { allowed: false } },
      });
      await services.cancel(OLIVIA, row.number, { then: "roll_back" });
      expect(await world.events("deployment.cancel_requested")).toHaveLength(1);
      hanging.release();
      await ending;
      await expect(services.cancel(OLIVIA, row.number, { then: "leave" })).rejects.toThrow(
        DeploymentFinished,
      );
    });
  });

  describe("view", () => {
    it("shows where each service stands, and what the person may do", async () => {
      world.prod.failNext("apply", "api", { cause: "out_of_memory", detail: "Killed." });
      const { number } = await services.request(OLIVIA, release.number, {});
      await run(number);

      const view = await services.view(VIC, number);
      expect(view).toMatchObject({
        number,
        status: "failed",
        environment: "prod",
        release: release.number,
        requestedBy: { username: "olivia", name: "Olivia" },
        url: `http://localhost:8080/deployments/${number}`,
        abilities: {
          cancel: { allowed: false },
          retry: { allowed: false, reason: expect.stringContaining("Vic may not") as string },
        },
      });
      expect(view.results).toMatchObject([
        { service: "auth", wave: 1, state: "succeeded", carriesNewVersion: true, cause: null },
        {
          service: "api",
          wave: 2,
          state: "failed",
          carriesNewVersion: false,
          detail: "Killed.",
          cause: "out_of_memory",
        },
        { service: "web", wave: 3, state: "untouched", carriesNewVersion: false },
      ]);
      expect((await services.view(OLIVIA, number)).abilities).toMatchObject({
        retry: { allowed: true },
        rollback: { allowed: false },
      });
      await expect(services.view(VIC, 99)).rejects.toThrow(DeploymentNotFound);
    });

    it("pages through output", async () => {
      const { number } = await services.request(OLIVIA, release.number, {});
      await run(number);
      const first = await services.logs(VIC, number, { limit: 2 });
      expect(first.items).toHaveLength(2);
      expect(first.items[0]).toMatchObject({ service: "auth", stage: "deploy" });
      const rest = await services.logs(VIC, number, { after: first.next });
      expect(rest.items.map((line) => line.service)).toEqual(["web"]);
      const none = await services.logs(VIC, number, { after: rest.next });
      expect(none).toEqual({ items: [], next: rest.next });
    });

    it("lists by environment, status, release and service, newest first", async () => {
      await recordBaselines(world.deps, "master");
      for (const row of await DeploymentRow.findAll()) {
        await world.finish(row);
      }
      await services.request(OLIVIA, release.number, {});
      const numbers = async (query: object): Promise<readonly number[]> =>
        (await services.list(VIC, { ...PAGE, ...query })).items.map((item) => item.number);

      expect(await numbers({})).toEqual([3, 2, 1]);
      expect(await numbers({ environment: "prod" })).toEqual([3, 2]);
      expect(await numbers({ status: "active" })).toEqual([3]);
      expect(await numbers({ status: "finished" })).toEqual([2, 1]);
      expect(await numbers({ status: "succeeded" })).toEqual([2, 1]);
      expect(await numbers({ release: release.number })).toEqual([3]);
      expect(await numbers({ service: "web" })).toEqual([3, 2, 1]);
      expect(await numbers({ service: "x' OR 1=1" })).toEqual([]);
      expect(await services.list(VIC, { limit: 1, offset: 1 })).toMatchObject({
        total: 3,
        items: [{ number: 2 }],
      });
    });
  });
});
