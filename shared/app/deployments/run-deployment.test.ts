import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Landed } from "../../core/ports/scm.ts";
import { DeploymentLogRow } from "../../db/rows/deployment-log.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { EnvironmentStateRow } from "../../db/rows/environment-state.ts";
import { RejectionRow } from "../../db/rows/rejection.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import { SignOffRow } from "../../db/rows/sign-off.ts";
import { DeploymentBlocked, DeploymentFinished, StorageUnavailable } from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import { lockEnvironment } from "../environments/lock-environment.ts";
import { viewDeployment } from "./deployment-queries.ts";
import { retryDeployment } from "./retry-deployment.ts";
import { cancelDeployment } from "./cancel-deployment.ts";
import { requestDeployment } from "./request-deployment.ts";
import { startRun } from "./run-deployment.ts";
import {
  createDeploymentFixture,
  DANA,
  OLIVIA,
  type DeploymentFixture,
} from "./testing/deployment-fixture.ts";

const SERVICES = { auth: [], api: ["auth"], billing: ["auth"], web: ["api"] };

describe(startRun.name, () => {
  let world: DeploymentFixture;
  beforeEach(async () => {
    world = await createDeploymentFixture();
    await world.addServices(SERVICES);
  });
  afterEach(() => world.close());

  async function deploy(
    input: Parameters<typeof requestDeployment>[3] = {},
    options: Parameters<DeploymentFixture["addRelease"]>[1] = {},
  ): Promise<{ release: ReleaseRow; deployment: DeploymentRow }> {
    const release = await world.addRelease(SERVICES, options);
    await world.signAll(release);
    const deployment = await requestDeployment(world.deps, OLIVIA, release.number, input);
    return { release, deployment };
  }

  it("deploys wave by wave, verifies, lands, and says so everywhere", async () => {
    const { release, deployment } = await deploy();
    expect((await release.reload()).status).toBe("deploying");

    const ended = await world.finish(deployment);

    expect(ended.status).toBe("succeeded");
    expect(ended.summary).toBe("auth, api, billing and web run the new version in prod.");
    expect(world.prod.effects.map((effect) => effect.service)).toEqual([
      "auth",
      "api",
      "billing",
      "web",
    ]);
    const items = await ReleaseItemRow.findAll({ where: { releaseId: release.id } });
    for (const item of items) {
      expect(world.scm.repository(item.service).tip("master")).toBe(item.headSha);
      expect(item.landedSha).toBe(item.headSha);
    }
    expect(await release.reload()).toMatchObject({ status: "deployed", openKey: null });
    expect(await EnvironmentStateRow.findByPk("prod")).toMatchObject({ activeDeployment: null });
    const state = await ServiceStateRow.findOne({ where: { environment: "prod", service: "api" } });
    expect(state).toMatchObject({
      recordedCommit: items.find((item) => item.service === "api")?.headSha,
      deployment: deployment.number,
      deployedBy: OLIVIA.subject,
      health: "healthy",
    });
    expect(await world.steps(deployment)).toEqual([
      "1 auth deploy succeeded",
      "1 auth verify succeeded",
      "1 auth land succeeded",
      "2 api deploy succeeded",
      "2 api verify succeeded",
      "2 api land succeeded",
      "2 billing deploy succeeded",
      "2 billing verify succeeded",
      "2 billing land succeeded",
      "3 web deploy succeeded",
      "3 web verify succeeded",
      "3 web land succeeded",
    ]);
    const rows = await DeploymentStepRow.findAll({ where: { deploymentId: deployment.id } });
    expect(rows.every((row) => row.startedAt !== null && row.finishedAt !== null)).toBe(true);
    const events = await world.events();
    expect(events.filter((name) => name === "release.item_landed")).toHaveLength(4);
    expect(events.filter((name) => name === "deployment.finished")).toHaveLength(1);
    const log = await DeploymentLogRow.findAll({ where: { deploymentId: deployment.id } });
    expect(log.map((row) => row.line)).toContain(
      `apply api ${ended.desired.find((one) => one.service === "api")?.version ?? ""}`,
    );
  });

  interface Outcome {
    readonly arrange: (target: DeploymentFixture["prod"]) => void;
    readonly status: string;
    readonly release: string;
    readonly summary: RegExp;
    /** Services the target carries the new version of afterwards. */
    readonly carried: readonly string[];
  }

  it.each<[string, Outcome]>([
    [
      "the target says no to one service",
      {
        arrange: (target) =>
          target.failNext("apply", "billing", { cause: "image_pull", detail: "No such image." }),
        status: "failed",
        release: "failed",
        summary:
          /Wave 2: billing could not be deployed\. No such image\. auth and api run the new version in prod\. billing does not run it\. web was not touched\./,
        carried: ["auth", "api"],
      },
    ],
    [
      "a service is not healthy afterwards",
      {
        arrange: (target) =>
          target.setHealth("auth", { health: "unhealthy", cause: "crash", detail: "Exit code 1." }),
        status: "failed",
        release: "failed",
        summary: /auth did not pass its checks\. Exit code 1\. auth runs the new version in prod\./,
        carried: ["auth"],
      },
    ],
    [
      "a service never settles",
      {
        arrange: (target) => target.setHealth("api", { health: "progressing" }),
        status: "timed_out",
        release: "failed",
        summary: /api did not pass its checks\. Not healthy in time\./,
        carried: ["auth", "api", "billing"],
      },
    ],
    [
      "an apply hangs",
      {
        arrange: (target) => void target.hang("apply", "auth"),
        status: "timed_out",
        release: "failed",
        summary: /Wave 1: auth could not be deployed\. Not done within 1 min\./,
        carried: [],
      },
    ],
  ])("when %s, stops the later waves and says what runs", async (_, outcome) => {
    outcome.arrange(world.prod);
    const { release, deployment } = await deploy();

    const ended = await world.finish(deployment);

    expect(ended.status).toBe(outcome.status);
    expect((await release.reload()).status).toBe(outcome.release);
    expect(ended.summary).toMatch(outcome.summary);
    const carried = await Promise.all(
      ended.desired.map(async ({ service, commit }) => {
        const [state] = await world.prod.observe([service], new AbortController().signal);
        return state?.commit === commit ? [service] : [];
      }),
    );
    expect(carried.flat().sort()).toEqual([...outcome.carried].sort());
    expect(await EnvironmentStateRow.findByPk("prod")).toMatchObject({ activeDeployment: null });
    expect(world.prod.runningCount).toBe(0);
  });

  it("is our own fault when the target cannot be reached, and says that nobody knows", async () => {
    const { release, deployment } = await deploy();
    world.prod.setReachable(false);

    const ended = await world.finish(deployment);

    expect(ended.status).toBe("errored");
    expect(ended.summary).toContain("What auth runs now is not known: the fake target");
    expect((await release.reload()).status).toBe("failed");
  });

  it("waits until a service has been healthy for the settle time", async () => {
    await world.close();
    world = await createDeploymentFixture({ environments: [{ name: "prod", settleMs: 3_000 }] });
    await world.addServices(SERVICES);
    const { deployment } = await deploy({ only: ["auth"] });

    const ended = await world.finish(deployment);

    expect(ended.status).toBe("succeeded");
    const took = (ended.finishedAt?.getTime() ?? 0) - (ended.startedAt?.getTime() ?? 0);
    expect(took).toBeGreaterThanOrEqual(3_000);
  });

  it("leaves a branch alone that has moved, and says so without calling the deploy a failure", async () => {
    const { release, deployment } = await deploy();
    const hanging = world.prod.hang("apply", "web");
    const ending = world.finish(deployment);
    await hanging.reached;
    const fix = world.scm.repository("api").commit("master", { title: "fix: at night" });
    hanging.release();
    const ended = await ending;

    expect(ended.status).toBe("succeeded");
    expect(ended.summary).toMatch(/api was not landed\. master has moved to .* Merge master into/);
    expect(world.scm.repository("api").tip("master")).toBe(fix);
    expect((await release.reload()).status).toBe("deployed");
    const item = await ReleaseItemRow.findOne({
      where: { releaseId: release.id, service: "api" },
    });
    expect(item?.landedAt).toBeNull();
  });

  it.each<[string, Landed, RegExp, string]>([
    [
      "refused",
      { outcome: "refused", reason: "Two reviews are missing.", remedy: "Ask for them." },
      /was left alone: Two reviews are missing\. Ask for them\./,
      "refused",
    ],
    [
      "merged into something else",
      { outcome: "differs", sha: "d".repeat(40) },
      /dddddddd now, which is not what was signed/,
      "differs",
    ],
  ])(
    "tells of a branch that was %s, and lands it later without deploying again",
    async (_what, landed, words, cause) => {
      world.scm.landAs("api", landed);
      const { release, deployment } = await deploy();
      const ended = await world.finish(deployment);
      expect(ended.status).toBe("succeeded");
      expect(ended.summary).toMatch(words);
      expect(
        await DeploymentStepRow.findOne({ where: { stage: "land", service: "api" } }),
      ).toMatchObject({ status: "failed", cause });
      expect((await release.reload()).status).toBe("deployed");
      const view = await viewDeployment(world.deps, OLIVIA, deployment.number);
      expect(view.abilities.retry.allowed).toBe(true);
      const applied = world.prod.effects.length;

      world.scm.landAs("api", undefined);
      const again = await retryDeployment(world.deps, OLIVIA, deployment.number);
      const landing = await world.finish(again);

      expect(landing).toMatchObject({ status: "succeeded", summary: "Landed." });
      expect(await world.steps(again)).toEqual(["1 api land succeeded"]);
      expect(world.prod.effects).toHaveLength(applied);
      expect(world.scm.repository("api").tip("master")).toBe(
        world.scm.repository("api").tip("uat"),
      );
      expect((await release.reload()).status).toBe("deployed");
      await expect(retryDeployment(world.deps, OLIVIA, deployment.number)).rejects.toThrow(
        DeploymentFinished,
      );
      const after = await viewDeployment(world.deps, OLIVIA, deployment.number);
      expect(after.abilities.retry.allowed).toBe(false);
    },
  );

  it("asks again while a forge refuses for a moment, or does not answer", async () => {
    const { release, deployment } = await deploy();
    const hanging = world.prod.hang("apply", "web");
    const ending = world.finish(deployment);
    await hanging.reached;
    world.scm.landAs("api", { outcome: "refused", reason: "A status is missing.", remedy: "" });
    world.scm.breakRepository("auth", { code: "unavailable", reason: "502." });
    hanging.release();
    while ((world.scm.calls["land"] ?? 0) < 8) {
      await new Promise(setImmediate);
    }
    world.scm.landAs("api", undefined);
    world.scm.breakRepository("auth", undefined);
    const ended = await ending;
    expect(ended.summary).not.toContain("not landed");
    const items = await ReleaseItemRow.findAll({ where: { releaseId: release.id } });
    expect(items.every((item) => item.landedAt !== null)).toBe(true);
    const log = await DeploymentLogRow.findAll({ where: { stage: "land" } });
    expect(log.map(({ line }) => line).join("\n")).toContain("502");
  });

  it("says what became of a repository that is gone when it is to land", async () => {
    const { deployment } = await deploy();
    const hanging = world.prod.hang("apply", "web");
    const ending = world.finish(deployment);
    await hanging.reached;
    world.scm.removeRepository("api");
    hanging.release();
    const ended = await ending;
    expect(ended.status).toBe("succeeded");
    expect(ended.summary).toMatch(
      /api was not landed\. .*api.*Check that the repository was not moved or deleted\./,
    );
  });

  it("runs migrations once per release and content", async () => {
    world.prod.failNext("apply", "billing");
    const { release, deployment } = await deploy({}, { migrations: ["billing"] });
    expect((await world.finish(deployment)).status).toBe("failed");

    const again = await requestDeployment(world.deps, OLIVIA, release.number, {});
    expect((await world.finish(again)).status).toBe("succeeded");

    expect(world.prod.effects.filter((effect) => effect.operation === "migrate")).toHaveLength(1);
    expect(await world.steps(again)).not.toContain("2 billing migrate succeeded");
  });

  it("deploys in parts, and the release is out when all of it is", async () => {
    const { release, deployment } = await deploy({ only: ["auth", "billing"] });
    expect((await world.finish(deployment)).status).toBe("succeeded");
    expect((await release.reload()).status).toBe("approved");
    expect(world.prod.effects.map((effect) => effect.service)).toEqual(["auth", "billing"]);

    const rest = await requestDeployment(world.deps, OLIVIA, release.number, {
      only: ["api", "web"],
    });
    expect((await world.finish(rest)).status).toBe("succeeded");
    expect((await release.reload()).status).toBe("deployed");
  });

  it("goes on from a later wave", async () => {
    world.prod.failNext("apply", "web");
    const { release, deployment } = await deploy();
    expect((await world.finish(deployment)).status).toBe("failed");

    const rest = await requestDeployment(world.deps, OLIVIA, release.number, { fromWave: 3 });
    expect(rest.waves).toEqual([["web"]]);
    expect((await world.finish(rest)).status).toBe("succeeded");

    expect((await release.reload()).status).toBe("deployed");
    // What the first one left unlanded lands with the last one.
    const items = await ReleaseItemRow.findAll({ where: { releaseId: release.id } });
    expect(items.every((item) => item.landedSha === item.headSha)).toBe(true);
  });

  it("deploys what was signed although its branch moves on meanwhile", async () => {
    const { deployment } = await deploy();
    const hanging = world.prod.hang("apply", "auth");
    const ending = world.finish(deployment);
    await hanging.reached;
    world.scm.repository("web").commit("uat", { title: "feat: late" });
    hanging.release();
    const ended = await ending;

    expect(ended.status).toBe("succeeded");
    const [state] = await world.prod.observe(["web"], new AbortController().signal);
    expect(state?.commit).toBe(ended.desired.find((one) => one.service === "web")?.commit);
  });

  it("starts no wave whose signatures are gone, and says why", async () => {
    const { release, deployment } = await deploy();
    const hanging = world.prod.hang("apply", "auth");
    const ending = world.finish(deployment);
    await hanging.reached;
    await world.db.uow.run(async (tx) => {
      await SignOffRow.update(
        { revokedAt: world.clock.now(), revokedBy: DANA.subject },
        { where: { releaseId: release.id, role: "dev" }, transaction: tx.sequelize },
      );
    });
    hanging.release();
    const ended = await ending;

    expect(ended.status).toBe("aborted");
    expect(ended.summary).toMatch(
      /^Stopped before wave 2: Release #1 is no longer signed as dev\. auth runs the new version in prod\. api, billing and web were not touched\./,
    );
    expect(world.prod.effects.map((effect) => effect.service)).toEqual(["auth"]);
    expect((await release.reload()).status).toBe("pending");
  });

  it("starts no wave of something that was rejected", async () => {
    const { release, deployment } = await deploy();
    const hanging = world.prod.hang("apply", "auth");
    const ending = world.finish(deployment);
    await hanging.reached;
    await world.db.uow.run((tx) =>
      RejectionRow.create(
        {
          id: newId(),
          releaseId: release.id,
          subject: DANA.subject,
          reason: "It loses invoices.",
          commits: [],
          rejectedAt: world.clock.now(),
        },
        { transaction: tx.sequelize },
      ),
    );
    hanging.release();
    const ended = await ending;

    expect(ended.status).toBe("aborted");
    expect(ended.summary).toContain("Dana rejected it: It loses invoices.");
    expect((await release.reload()).status).toBe("rejected");
  });

  it("is not stopped by a lock, which stops the next one", async () => {
    const { deployment } = await deploy();
    const hanging = world.prod.hang("apply", "auth");
    const ending = world.finish(deployment);
    await hanging.reached;
    await lockEnvironment(world.deps, OLIVIA, "prod", { reason: "Audit." });
    hanging.release();
    expect((await ending).status).toBe("succeeded");

    const next = await world.addRelease(SERVICES);
    await world.signAll(next);
    await expect(requestDeployment(world.deps, OLIVIA, next.number, {})).rejects.toThrow(
      DeploymentBlocked,
    );
  });

  describe("cancelled", () => {
    it("before it has begun ends at once", async () => {
      const { release, deployment } = await deploy();
      await cancelDeployment(world.deps, OLIVIA, deployment.number, {
        then: "leave",
        reason: "Wrong day",
      });

      expect(await deployment.reload()).toMatchObject({
        status: "aborted",
        summary: "Cancelled by Olivia: Wrong day.",
      });
      expect((await release.reload()).status).toBe("approved");
      await world.finish(deployment);
      expect(world.prod.effects).toEqual([]);
    });

    it("while something is applied ends that and starts nothing more", async () => {
      const { deployment } = await deploy();
      const hanging = world.prod.hang("apply", "api");
      const ending = world.finish(deployment);
      await hanging.reached;
      await cancelDeployment(world.deps, OLIVIA, deployment.number, { then: "leave" });
      await world.runner.advance(deployment.id);
      const ended = await ending;

      expect(ended.status).toBe("aborted");
      expect(world.prod.runningCount).toBe(0);
      expect(ended.summary).toMatch(/^Cancelled by Olivia\. auth/);
      expect(ended.summary).toContain("web was not touched.");
      expect(await world.steps(deployment)).toContain("2 api deploy failed");
      expect(await world.steps(deployment)).toContain("3 web deploy skipped");
    });

    it("while it is being verified leaves the new version", async () => {
      world.prod.setHealth("web", { health: "progressing" });
      const { deployment } = await deploy();
      const ending = world.finish(deployment);
      await untilStatus(deployment, "verifying");
      await cancelDeployment(world.deps, OLIVIA, deployment.number, { then: "leave" });
      await world.runner.advance(deployment.id);
      const ended = await ending;

      expect(ended.status).toBe("aborted");
      expect(ended.summary).toContain("auth, api, billing and web run the new version in prod.");
    });

    it("rolls back what was touched when that was asked for", async () => {
      const first = await deploy();
      await world.finish(first.deployment);
      const { release, deployment } = await deploy();
      const hanging = world.prod.hang("apply", "web");
      const ending = world.finish(deployment);
      await hanging.reached;
      await cancelDeployment(world.deps, OLIVIA, deployment.number, { then: "roll_back" });
      await world.runner.advance(deployment.id);
      expect((await ending).status).toBe("aborted");
      hanging.release();

      const rollback = await DeploymentRow.findOne({
        where: { kind: "rollback" },
        rejectOnEmpty: true,
      });
      expect(rollback).toMatchObject({
        rollbackOf: deployment.number,
        restores: first.deployment.number,
        requestedByName: "Olivia",
      });
      expect(await EnvironmentStateRow.findByPk("prod")).toMatchObject({
        activeDeployment: rollback.number,
      });
      expect((await world.finish(rollback)).status).toBe("succeeded");
      const observed = await world.prod.observe(
        Object.keys(SERVICES),
        new AbortController().signal,
      );
      for (const { service, commit } of (await first.deployment.reload()).desired) {
        expect(observed.find((state) => state.service === service)?.commit).toBe(commit);
      }
      expect((await release.reload()).status).toBe("rolled_back");
      expect((await deployment.reload()).status).toBe("rolled_back");
    });
  });

  describe("with two runners", () => {
    it("is run by one of them", async () => {
      const { deployment } = await deploy();
      const other = world.createRunner();
      await world.whileTimePasses(
        Promise.all([world.runner.advance(deployment.id), other.advance(deployment.id)]),
      );

      expect((await deployment.reload()).status).toBe("succeeded");
      expect(world.prod.effects).toHaveLength(4);
    });

    it("lets a silent runner's writes fail once another one took over", async () => {
      const { deployment } = await deploy();
      const hanging = world.prod.hang("apply", "auth");
      // Its heartbeat never comes, as if the process were frozen.
      const frozen = world.createRunner({
        timers: { after: () => () => undefined },
      });
      const silent = frozen.advance(deployment.id);
      await hanging.reached;
      await world.clock.advance(20_000);

      const ending = world.finish(deployment);
      await untilResumed();
      hanging.release();
      expect((await ending).status).toBe("succeeded");
      await silent;

      const events = await world.events("deployment.");
      expect(events).toContain("deployment.resumed");
      expect(events.filter((name) => name === "deployment.finished")).toHaveLength(1);
      expect(world.prod.effects.filter((effect) => effect.service === "auth")).toHaveLength(1);
    });
  });

  it("waits for storage that is full rather than forget what it did", async () => {
    const { deployment } = await deploy();
    let refusals = 0;
    const runner = world.createRunner({
      uow: {
        async run(work) {
          if (world.prod.effects.length === 1 && refusals < 3) {
            refusals += 1;
            throw new StorageUnavailable({ why: "disk full" });
          }
          return world.db.uow.run(work);
        },
      },
    });

    expect((await world.finish(deployment, runner)).status).toBe("succeeded");
    expect(refusals).toBe(3);
    expect(world.prod.effects.filter((effect) => effect.service === "auth")).toHaveLength(1);
  });

  it("keeps no more of a flood of output than anybody would read", async () => {
    await world.close();
    world = await createDeploymentFixture({
      wrapTarget: (target) => ({
        ...target,
        apply(desired, run) {
          for (let line = 0; line < 20_000; line += 1) {
            run.log(`line ${line}`);
          }
          return target.apply(desired, run);
        },
      }),
    });
    await world.addServices(SERVICES);
    const { deployment } = await deploy({ only: ["auth"] });
    expect((await world.finish(deployment)).status).toBe("succeeded");

    const where = { deploymentId: deployment.id };
    expect(await DeploymentLogRow.count({ where })).toBe(5_000);
    const last = await DeploymentLogRow.findOne({ where, order: [["id", "DESC"]] });
    expect(last?.line).toBe("More than 5000 lines: the rest is not kept.");
  });

  it("calls it our own fault when the code of a target breaks", async () => {
    await world.close();
    world = await createDeploymentFixture({
      wrapTarget: (target) => ({
        ...target,
        apply: () => Promise.reject(new TypeError("undefined is not a function")),
      }),
    });
    await world.addServices(SERVICES);
    const { deployment } = await deploy();
    const ended = await world.finish(deployment);

    expect(ended.status).toBe("errored");
    expect(ended.summary).toContain("Something broke on our side");
    expect(ended.summary).not.toContain("undefined is not");
  });

  it("does not wait for ever for an apply that ignores being told to end", async () => {
    await world.close();
    world = await createDeploymentFixture({
      wrapTarget: (target) => ({ ...target, apply: () => new Promise(() => undefined) }),
    });
    await world.addServices(SERVICES);
    const { deployment } = await deploy();
    expect((await world.finish(deployment)).status).toBe("timed_out");
  });

  it("ends when its environment is not configured any more", async () => {
    const { deployment } = await deploy();
    const runner = world.createRunner({ environments: [] });
    const ended = await world.finish(deployment, runner);

    expect(ended.status).toBe("aborted");
    expect(ended.summary).toMatch(/^Stopped: prod is not configured any more\./);
    expect(world.prod.effects).toEqual([]);
    expect(await EnvironmentStateRow.findByPk("prod")).toMatchObject({ activeDeployment: null });
  });

  it("checkpoints when the process stops, and goes on in the next one", async () => {
    const { deployment } = await deploy();
    const hanging = world.prod.hang("apply", "auth");
    const ending = world.runner.advance(deployment.id);
    await hanging.reached;
    await world.whileTimePasses(world.runner.stop());
    await ending;

    expect(await deployment.reload()).toMatchObject({ status: "running", leaseOwner: null });
    expect(world.prod.runningCount).toBe(0);
    hanging.release();

    const next = world.createRunner();
    expect((await world.finish(deployment, next)).status).toBe("succeeded");
    expect(world.prod.effects.filter((effect) => effect.service === "auth")).toHaveLength(1);
    expect(await world.events("deployment.resumed")).toHaveLength(1);
  });

  async function untilStatus(deployment: DeploymentRow, status: string): Promise<void> {
    while ((await deployment.reload()).status !== status) {
      await world.db.uow.run(async () => undefined);
    }
  }

  async function untilResumed(): Promise<void> {
    while ((await world.events("deployment.resumed")).length === 0) {
      await world.db.uow.run(async () => undefined);
    }
  }
});
