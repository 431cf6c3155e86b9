import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import type { DesiredState } from "../../../core/ports/deploy-target.ts";
import { desiredState } from "../../../testing/deploy-target-contract.ts";
import { describeWith } from "../../../testing/needs.ts";
import { createSwarmWorld, STACK, type SwarmWorld } from "../../../testing/swarm-world.ts";
import { untilItWorks } from "../../../testing/until-it-works.ts";
import { LABELS } from "./labels.ts";
import { hasSwarm, SWARM_PART } from "./testing/swarm.ts";

const soon = { timeoutMs: 20_000, intervalMs: 50 };
const calm = new AbortController().signal;

describeWith(SWARM_PART, hasSwarm)(`a deploy to a real Swarm (needs ${SWARM_PART})`, () => {
  let world: SwarmWorld;
  let number = 0;

  beforeAll(async () => {
    world = await createSwarmWorld();
  });
  afterEach(() => world.swarm.clear());
  afterAll(() => world?.close());

  /** A new deployment of billing. */
  function next(
    version: "1.0.0" | "1.1.0" | "2.0.0",
    more: Partial<DesiredState> = {},
  ): DesiredState {
    number += 1;
    return desiredState("billing", version, { deployment: number, fencingToken: number, ...more });
  }

  async function running(version: "1.0.0" | "1.1.0", deploy: object = { replicas: 2 }) {
    world.define("billing", { deploy: { replicas: 2, ...deploy } });
    const { result } = await world.apply(next(version));
    expect(result).toEqual({ outcome: "applied" });
  }

  it("creates a service and is done when every copy runs", async () => {
    world.define("billing", { deploy: { replicas: 2 } });
    const { result, log } = await world.apply(next("1.0.0"));
    expect(result).toEqual({ outcome: "applied" });
    expect(log.join("\n")).toMatch(/2 of 2 running/);
    const truth = await world.truth("billing");
    expect(truth).toMatchObject({ image: "shop/app:1.0.0", update: "" });
    expect(truth.running).toHaveLength(2);
    expect(await world.observe("billing")).toMatchObject({
      version: "1.0.0",
      health: "healthy",
      cause: null,
      detail: null,
      copies: { running: 2, desired: 2, since: expect.any(Date) as unknown },
    });
  });

  it("updates a service and is done when Swarm is, with only the new version running", async () => {
    await running("1.0.0");
    const { result } = await world.apply(next("1.1.0"));
    expect(result).toEqual({ outcome: "applied" });
    const truth = await world.truth("billing");
    expect(truth).toMatchObject({ image: "shop/app:1.1.0", update: "completed" });
    expect(truth.running).toHaveLength(2);
  });

  it("changes nothing at all when everything is there already", async () => {
    await running("1.0.0");
    const before = await world.truth("billing");
    const { result } = await world.apply(next("1.0.0"));
    expect(result).toEqual({ outcome: "unchanged" });
    expect(await world.truth("billing")).toEqual(before);
  });

  it("restarts nothing when only the version is another one", async () => {
    world.define("billing", { image: "shop/app:1.0.0", deploy: { replicas: 2 } });
    await world.apply(next("1.0.0"));
    const before = await world.truth("billing");
    const { result } = await world.apply(next("1.1.0"));
    expect(result).toEqual({ outcome: "applied" });
    const after = await world.truth("billing");
    expect(after.running).toEqual(before.running);
    expect(after.labels[LABELS.version]).toBe("1.1.0");
    expect(await world.observe("billing")).toMatchObject({ version: "1.1.0", health: "healthy" });
  });

  it("calls a crash loop one, early, with the last words of the container", async () => {
    world.define("billing", { image: "shop/app:crash" });
    const { result, log } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({
      outcome: "failed",
      cause: "crash",
      detail: expect.stringMatching(/billing does not stay up.*exit code 7/) as unknown,
    });
    expect(log).toContain("│ cannot reach the database");
    const truth = await world.truth("billing");
    expect(truth.ended.filter((end) => /Failed:.*\(7\)/.test(end)).length).toBeGreaterThanOrEqual(
      3,
    );
  });

  it("does not believe an update that Swarm calls completed while its copies die", async () => {
    await running("1.0.0", { replicas: 1 });
    world.define("billing", {
      image: "shop/app:crash-later",
      deploy: { update_config: { monitor: "300ms", failure_action: "continue" } },
    });
    const { result } = await world.apply(next("1.1.0"));
    expect(result).toMatchObject({ outcome: "failed", cause: "crash" });
    expect((await world.truth("billing")).ended.join()).toMatch(/\(7\)/);
  });

  it("names an image nobody has", async () => {
    world.define("billing", { image: "shop/app:nowhere" });
    const { result } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({
      outcome: "failed",
      cause: "image_pull",
      detail: expect.stringContaining("shop/app:nowhere") as unknown,
    });
    expect((await world.truth("billing")).running).toEqual([]);
  });

  it("says that no node takes it, and does not wait for one", async () => {
    world.define("billing", { deploy: { placement: { constraints: ["node.labels.disk==ssd"] } } });
    const { result } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({
      outcome: "failed",
      cause: "scheduling",
      detail: expect.stringMatching(/constraints not satisfied/) as unknown,
    });
    expect((await world.truth("billing")).ended.join()).toMatch(/Pending.*no suitable node/);
  });

  it("names a port that is taken", async () => {
    const ports = [{ target: 80, published: 8080, mode: "host" }];
    world.define("billing", { ports, deploy: { replicas: 2 } });
    const { result } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({ outcome: "failed", cause: "port" });
    await untilItWorks(async () => {
      expect((await world.truth("billing")).running).toHaveLength(1);
    }, soon);
  });

  it("fails a service whose health check never becomes green", async () => {
    world.define("billing", { image: "shop/app:never-green" });
    const { result } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({ outcome: "failed", cause: "health_check" });
    expect((await world.truth("billing")).running).toEqual([]);
  });

  it("does not blame the health check for a container that ends by itself", async () => {
    world.define("billing", {
      image: "shop/app:crash",
      healthcheck: { test: ["CMD", "true"], interval: "300ms" },
    });
    const { result } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({
      outcome: "failed",
      cause: "crash",
      detail: expect.stringContaining("exit code 7") as unknown,
    });
  });

  it("waits for a health check that takes its time", async () => {
    world.define("billing", { image: "shop/app:slow" });
    const { result } = await world.apply(next("1.0.0"));
    expect(result).toEqual({ outcome: "applied" });
    expect((await world.truth("billing")).running).toHaveLength(1);
  });

  it("fails an update that Swarm pauses, and the next deploy frees it", async () => {
    await running("1.0.0");
    world.define("billing", { image: "shop/app:crash", deploy: { replicas: 2 } });
    const { result } = await world.apply(next("1.1.0"));
    expect(result).toMatchObject({
      outcome: "failed",
      cause: "crash",
      detail: expect.stringContaining("paused") as unknown,
    });
    expect(await world.truth("billing")).toMatchObject({ update: "paused" });
    expect(await world.observe("billing")).toMatchObject({ version: "1.1.0", health: "unhealthy" });
    await running("1.0.0");
    expect((await world.truth("billing")).running).toHaveLength(2);
  });

  it("calls Swarm's own rollback a failure, and says what runs then", async () => {
    await running("1.0.0");
    const from = new Date();
    world.define("billing", {
      image: "shop/app:crash",
      deploy: { replicas: 2, update_config: { failure_action: "rollback", monitor: "600ms" } },
    });
    const { result, log } = await world.apply(next("1.1.0"));
    expect(result).toMatchObject({
      outcome: "failed",
      cause: "crash",
      detail: "Swarm took billing back to the version before: it ends with exit code 7.",
    });
    expect(log).toContain("│ cannot reach the database");
    const truth = await world.truth("billing");
    expect(truth).toMatchObject({ image: "shop/app:1.0.0", update: "rollback_completed" });
    expect(truth.labels[LABELS.version]).toBe("1.0.0");
    expect(truth.running).toHaveLength(2);
    const observed = await world.observe("billing");
    expect(observed).toMatchObject({
      version: "1.0.0",
      health: "healthy",
      turnedBack: { cause: "crash" },
    });
    // What the settling of an interrupted deployment goes by.
    expect(observed.turnedBack?.at.getTime()).toBeGreaterThan(from.getTime() - 1_000);
  });

  it.each([
    ["changes the image", ["service", "update", "--detach", "--image", "shop/app:2.0.0"]],
    ["takes the stamp off", ["service", "update", "--detach", "--label-rm", LABELS.deployment]],
    ["removes the service", ["service", "rm"]],
  ])("is overtaken when somebody %s in the middle", async (_what, command) => {
    await running("1.0.0");
    world.define("billing", { image: "shop/app:slow", deploy: { replicas: 2 } });
    let meddled: Promise<string> | undefined;
    const { result } = await world.apply(next("1.1.0"), () => {
      meddled ??= world.swarm.docker(...command, "shop_billing");
    });
    await meddled;
    expect(result).toMatchObject({
      outcome: "failed",
      cause: "superseded",
      detail: expect.stringContaining("Somebody") as unknown,
    });
  });

  it("goes on when what the runner before it handed over arrives late", async () => {
    await running("1.0.0");
    world.define("billing", { image: "shop/app:slow", deploy: { replicas: 2 } });
    const before = next("1.1.0");
    const { stackFile } = await world.applier.prepare(before, calm);
    let arrived: Promise<void> | undefined;
    const { result } = await world.apply({ ...before, fencingToken: ++number }, () => {
      arrived ??= world.swarm.deployStack(STACK, stackFile);
    });
    await arrived;
    expect(result).toEqual({ outcome: "applied" });
    expect(await world.observe("billing")).toMatchObject({ version: "1.1.0", health: "healthy" });
    expect((await world.truth("billing")).running).toHaveLength(2);
  });

  it("tells an image somebody changed afterwards from the version it deployed", async () => {
    await running("1.0.0");
    await world.swarm.docker("service", "update", "--image", "shop/app:2.0.0", "shop_billing");
    expect(await world.observe("billing")).toMatchObject({
      version: "2.0.0",
      commit: null,
      health: "healthy",
    });
  });

  it("goes along with somebody who scales in the middle", async () => {
    await running("1.0.0");
    world.define("billing", { image: "shop/app:slow", deploy: { replicas: 2 } });
    let scaled: Promise<string> | undefined;
    const { result } = await world.apply(next("1.1.0"), () => {
      scaled ??= world.swarm.docker("service", "scale", "--detach", "shop_billing=3");
    });
    await scaled;
    expect(result).toEqual({ outcome: "applied" });
    expect((await world.truth("billing")).running).toHaveLength(3);
  });

  it("deploys to every node", async () => {
    world.define("billing", { deploy: { mode: "global" } });
    expect((await world.apply(next("1.0.0"))).result).toEqual({ outcome: "applied" });
    expect((await world.apply(next("1.1.0"))).result).toEqual({ outcome: "applied" });
    expect((await world.truth("billing")).running).toHaveLength(1);
    expect(await world.observe("billing")).toMatchObject({ copies: { running: 1, desired: 1 } });
  });

  it("says so when there is no node for a global service", async () => {
    world.define("billing", {
      deploy: { mode: "global", placement: { constraints: ["node.labels.disk==ssd"] } },
    });
    const { result } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({ outcome: "failed", cause: "scheduling" });
    expect((await world.truth("billing")).running).toEqual([]);
  });

  it.each(["replicated-job", "global-job"])("waits for a %s to complete", async (mode) => {
    world.define("billing", { command: ["/bin/echo", "done"], deploy: { mode } });
    expect((await world.apply(next("1.0.0"))).result).toEqual({ outcome: "applied" });
    expect((await world.truth("billing")).ended).toEqual(["Complete: "]);
    // Again is another run of the job, which says nothing about the first.
    world.define("billing", {
      image: "shop/app:crash",
      deploy: { mode, restart_policy: { condition: "none" } },
    });
    expect((await world.apply(next("1.1.0"))).result).toMatchObject({
      outcome: "failed",
      cause: "crash",
    });
    expect((await world.truth("billing")).ended.join()).toMatch(/Failed:.*\(7\)/);
  });

  it("fails a job that fails and is not tried again", async () => {
    world.define("billing", {
      image: "shop/app:crash",
      deploy: { mode: "replicated-job", restart_policy: { condition: "none" } },
    });
    const { result, log } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({ outcome: "failed", cause: "crash" });
    expect(log).toContain("│ cannot reach the database");
  });

  it("is content with a service that should have no copies", async () => {
    world.define("billing", { deploy: { replicas: 0 } });
    expect((await world.apply(next("1.0.0"))).result).toEqual({ outcome: "applied" });
    expect(await world.observe("billing")).toMatchObject({
      version: "1.0.0",
      health: "healthy",
      copies: { running: 0, desired: 0, since: null },
    });
  });

  it("never deploys over an update that is still going on", async () => {
    await running("1.0.0");
    world.define("billing", (desired) => ({
      image: desired.version === "1.1.0" ? "shop/app:slow" : "shop/app:2.0.0",
      deploy: { replicas: 1 },
    }));
    const first = world.apply(next("1.1.0"));
    await untilItWorks(async () => {
      expect(await world.truth("billing")).toMatchObject({ update: "updating" });
    }, soon);
    const second = await world.apply(next("2.0.0"));
    expect(second.log[0]).toMatch(/earlier change of billing is still going on.*Waiting for it/);
    expect((await first).result).toEqual({ outcome: "applied" });
    expect(second.result).toEqual({ outcome: "applied" });
    expect(await world.truth("billing")).toMatchObject({ image: "shop/app:2.0.0" });
  });

  it("refuses to go back behind whoever came later", async () => {
    world.define("billing", {});
    await world.apply(next("1.1.0", { fencingToken: 1_000 }));
    const before = await world.truth("billing");
    const { result } = await world.apply(next("1.0.0", { fencingToken: 999 }));
    expect(result).toMatchObject({ outcome: "failed", cause: "superseded" });
    expect(await world.truth("billing")).toEqual(before);
  });

  it("finds out by itself whether Swarm got what docker lost track of", async () => {
    world.define("billing", {});
    world.applier.loseTrack("billing", true);
    expect((await world.apply(next("1.0.0"))).result).toEqual({ outcome: "applied" });
    world.applier.loseTrack("billing", false);
    await expect(world.apply(next("1.1.0"))).rejects.toThrow(/did not finish stack deploy/);
    expect(await world.truth("billing")).toMatchObject({ image: "shop/app:1.0.0" });
  });

  it("keeps secrets out of what it shows of a log", async () => {
    world.define("billing", {
      command: ["/bin/sh", "-c", "echo key $$API_KEY word hunter2-hunter2 >&2; exit 3"],
      environment: { API_KEY: "correct-horse-battery" },
    });
    const { result, log } = await world.apply(next("1.0.0"));
    expect(result).toMatchObject({ outcome: "failed", cause: "crash" });
    expect(log).toContain("│ key [secret] word [secret]");
  });

  it("says that a disk is full", async () => {
    await world.swarm.fillDisk();
    try {
      world.define("billing", {});
      const { result } = await world.apply(next("1.0.0"));
      expect(result).toMatchObject({
        outcome: "failed",
        cause: "disk_full",
        detail: expect.stringContaining("no space left on device") as unknown,
      });
    } finally {
      await world.swarm.emptyDisk();
    }
  });

  it("restarts every copy and changes nothing else", async () => {
    await running("1.0.0");
    const before = await world.truth("billing");
    const log: string[] = [];
    const result = await world.target.restart?.("billing", {
      log: (line) => log.push(line),
      signal: calm,
    });
    expect(result).toEqual({ outcome: "applied" });
    const after = await world.truth("billing");
    expect(after).toMatchObject({ image: before.image, labels: before.labels });
    expect(after.running).toHaveLength(2);
    expect(after.running.filter((id) => before.running.includes(id))).toEqual([]);
  });

  it("says that it cannot restart what does not run", async () => {
    const result = await world.target.restart?.("billing", { log: () => undefined, signal: calm });
    expect(result).toMatchObject({ outcome: "failed", cause: "config" });
  });

  it("runs a migration once, also when it is asked again, and tidies up after the deploy", async () => {
    world.define("billing", {});
    world.define("billing-migrate", {
      command: ["/bin/sh", "-c", "echo added a column"],
      deploy: { mode: "replicated-job", restart_policy: { condition: "none" } },
    });
    const desired = next("1.0.0");
    const name = `billing-migrate-${desired.deployment}`;
    const log: string[] = [];
    const run = { log: (line: string) => log.push(line), signal: calm };
    expect(await world.target.migrate?.(desired, run)).toEqual({ outcome: "applied" });
    expect(log).toContain("│ added a column");
    const before = await world.truth(name);
    expect(await world.target.migrate?.(desired, run)).toEqual({ outcome: "applied" });
    expect(await world.truth(name)).toEqual(before);
    expect((await world.apply(desired)).result).toEqual({ outcome: "applied" });
    await expect(world.truth(name)).rejects.toThrow(/no such service/i);
  });

  it("fails a migration that fails, and says what it said", async () => {
    world.define("billing-migrate", {
      image: "shop/app:crash",
      deploy: { mode: "replicated-job", restart_policy: { condition: "none" } },
    });
    const log: string[] = [];
    const result = await world.target.migrate?.(next("1.0.0"), {
      log: (line) => log.push(line),
      signal: calm,
    });
    expect(result).toMatchObject({
      outcome: "failed",
      cause: "crash",
      detail: expect.stringMatching(/billing \(migration\) failed/) as unknown,
    });
    expect(log).toContain("│ cannot reach the database");
  });

  it("reports services it never deployed by their image", async () => {
    await world.swarm.docker(
      ..."service create --detach --name shop_legacy shop/app:1.1.0".split(" "),
    );
    await untilItWorks(async () => {
      expect(await world.observe("legacy")).toMatchObject({
        version: "1.1.0",
        commit: null,
        health: "healthy",
      });
    }, soon);
  });

  it("tells which service changed as soon as it does", async () => {
    const heard: (string | null)[] = [];
    const listening = new AbortController();
    const ended = world.target.watch?.((service) => heard.push(service), listening.signal);
    await running("1.0.0");
    await untilItWorks(async () => expect(heard).toContain("billing"), soon);
    listening.abort();
    await ended;
  });
});
