import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { settle } from "../../../core/deployment.ts";
import type { ObservedState } from "../../../core/ports/deploy-target.ts";
import { TargetLost, UpstreamTimeout, UpstreamUnavailable } from "../../../errors/catalog.ts";
import { startProcess, type TestProcess } from "../../../testing/child-process.ts";
import { desiredState } from "../../../testing/deploy-target-contract.ts";
import { describeWith } from "../../../testing/needs.ts";
import { createSwarmWorld, type SwarmWorld } from "../../../testing/swarm-world.ts";
import { untilItWorks } from "../../../testing/until-it-works.ts";
import { hasSwarm, SWARM_PART } from "./testing/swarm.ts";

const soon = { timeoutMs: 40_000, intervalMs: 100 };

/** A docker program that never gets to deploy anything. */
const HANGING_DOCKER = `#!/bin/sh
case "$*" in *"stack deploy"*) echo "about to deploy"; sleep 3; exit 1 ;; esac
exec docker "$@"
`;

describeWith(SWARM_PART, hasSwarm)(`a deploy that is cut off (needs ${SWARM_PART})`, () => {
  let world: SwarmWorld;
  let running: TestProcess | undefined;

  beforeAll(async () => {
    // A node that has just come back takes no tasks for some seconds.
    world = await createSwarmWorld({ unreachableMs: 20_000, unschedulableMs: 20_000 });
  });
  afterEach(async () => {
    running?.child.kill("SIGKILL");
    await running?.ended;
    await world.swarm.clear();
  });
  afterAll(() => world?.close());

  function stackFile(image: string, failureAction = "rollback"): string {
    return `
version: "3.8"
services:
  billing:
    image: shop/app:${image}
    labels: { asked: "\${BILLING_VERSION:?}" }
    deploy:
      replicas: 2
      restart_policy: { delay: 100ms }
      update_config: { monitor: 600ms, failure_action: ${failureAction}, order: start-first }
      rollback_config: { monitor: 100ms, order: start-first }
`;
  }

  function start(version: string, file: string, docker = "docker"): TestProcess {
    running = startProcess("shared/integrations/deploy/swarm/testing/apply-process.ts", [
      world.swarm.host,
      version,
      file,
      docker,
    ]);
    return running;
  }

  async function finished(version: string, file: string): Promise<string> {
    return start(version, file).line((line) => line.startsWith("outcome "));
  }

  async function killedAt(process: TestProcess, line: RegExp): Promise<void> {
    await process.line((said) => line.test(said));
    process.child.kill("SIGKILL");
    await process.ended;
  }

  /** What somebody who remembers nothing learns once nothing moves any more. */
  async function settled(): Promise<ObservedState> {
    return untilItWorks(async () => {
      const state = await world.observe("billing");
      expect(state.health).not.toBe("progressing");
      return state;
    }, soon);
  }

  it.each([
    ["right after the hand-over", /0 of 2 running/],
    ["in the middle", /1 of 2 running/],
    ["when everything runs but is still watched", /2 of 2 running/],
  ])("goes on in Swarm when Slipway is killed %s, and is found done", async (_when, line) => {
    await finished("1.0.0", stackFile("1.0.0"));
    const began = new Date();
    await killedAt(start("1.1.0", stackFile("slow")), line);
    const state = await settled();
    expect(state).toMatchObject({ version: "1.1.0", health: "healthy" });
    expect(settle("deploy", versionOf("1.1.0", state), state, began).outcome).toBe("succeeded");
    const truth = await world.truth("billing");
    expect(truth).toMatchObject({ image: "shop/app:slow", update: "completed" });
    expect(truth.running).toHaveLength(2);
    // Whoever takes over and applies it again changes nothing.
    expect(await finished("1.1.0", stackFile("slow"))).toBe("outcome unchanged");
    const { version, running: tasks } = await world.truth("billing");
    expect({ version, tasks }).toEqual({ version: truth.version, tasks: truth.running });
  });

  it("has not happened when Slipway is killed before the hand-over", async () => {
    await finished("1.0.0", stackFile("1.0.0"));
    const before = await world.truth("billing");
    const docker = join(tmpdir(), `hanging-docker-${process.pid}`);
    await writeFile(docker, HANGING_DOCKER, { mode: 0o755 });
    await killedAt(start("1.1.0", stackFile("1.1.0"), docker), /about to deploy/);
    const state = await settled();
    expect(settle("deploy", versionOf("1.1.0", null), state, new Date()).outcome).toBe(
      "not_applied",
    );
    expect(await world.truth("billing")).toEqual(before);
    expect(await finished("1.1.0", stackFile("1.1.0"))).toBe("outcome applied");
  });

  it("is followed and not repeated by whoever takes over while Swarm is still at it", async () => {
    await finished("1.0.0", stackFile("1.0.0"));
    await killedAt(start("1.1.0", stackFile("slow")), /0 of 2 running/);
    const next = start("1.1.0", stackFile("slow"));
    expect(await next.line(() => true)).toMatch(/earlier change of billing is still going on/);
    expect(await next.line((line) => line.startsWith("outcome "))).toBe("outcome unchanged");
    expect((await world.truth("billing")).running).toHaveLength(2);
  });

  it("is found failed when Swarm takes it back while nobody looks", async () => {
    await finished("1.0.0", stackFile("1.0.0"));
    const began = new Date();
    await killedAt(start("1.1.0", stackFile("crash")), /of 2 running/);
    const state = await settled();
    expect(state).toMatchObject({ version: "1.0.0", health: "healthy" });
    expect(settle("deploy", versionOf("1.1.0", null), state, began)).toMatchObject({
      outcome: "failed",
      cause: "crash",
    });
    expect(await world.truth("billing")).toMatchObject({ image: "shop/app:1.0.0" });
  });

  it("is found failed, and not tried again, when Swarm pauses it while nobody looks", async () => {
    await finished("1.0.0", stackFile("1.0.0"));
    await killedAt(start("1.1.0", stackFile("crash", "pause")), /of 2 running/);
    const state = await settled();
    expect(state).toMatchObject({ version: "1.1.0", health: "unhealthy", cause: "crash" });
    expect(state.log).toContain("cannot reach the database");
    const before = await world.truth("billing");
    expect(await finished("1.1.0", stackFile("crash", "pause"))).toBe("outcome failed");
    expect((await world.truth("billing")).version).toBe(before.version);
  });

  it("waits for a dockerd that is restarted in the middle", async () => {
    world.define("billing", { deploy: { replicas: 2 } });
    await world.apply(desiredState("billing", "1.0.0", { fencingToken: 1 }));
    world.define("billing", {
      image: "shop/app:slow",
      // Swarm would count what its own restart broke.
      deploy: { replicas: 2, update_config: { failure_action: "continue" } },
    });
    let killed: Promise<void> | undefined;
    let booted: Promise<void> | undefined;
    const { result, log } = await world.apply(
      desiredState("billing", "1.1.0", { deployment: 2, fencingToken: 2 }),
      (line) => {
        killed ??= world.swarm.kill();
        if (line.endsWith("Waiting for it.")) {
          booted ??= world.swarm.boot();
        }
      },
    );
    await booted;
    expect(result).toEqual({ outcome: "applied" });
    expect(log.join("\n")).toMatch(
      /^The Swarm.* does not answer.*Waiting for it\.\n(?:.*\n)*Docker answers again\./m,
    );
    expect(await settled()).toMatchObject({ version: "1.1.0", health: "healthy" });
    const truth = await world.truth("billing");
    expect(truth).toMatchObject({ image: "shop/app:slow" });
    expect(truth.running).toHaveLength(2);
  });

  it("says that nobody knows when dockerd does not come back", async () => {
    const impatient = await createSwarmWorld({ unreachableMs: 1_000 });
    try {
      impatient.define("billing", { image: "shop/app:slow" });
      let killed: Promise<void> | undefined;
      const applying = impatient.apply(desiredState("billing", "1.0.0"), () => {
        killed ??= impatient.swarm.kill();
      });
      await expect(applying).rejects.toThrow(TargetLost);
      await killed;
      await expect(impatient.observe("billing")).rejects.toThrow(UpstreamUnavailable);
    } finally {
      await impatient.close();
    }
  });

  it("does not wait for ever for a dockerd that hangs", async () => {
    await world.swarm.freeze();
    try {
      await expect(world.observe("billing")).rejects.toThrow(UpstreamTimeout);
    } finally {
      await world.swarm.thaw();
    }
  });
});

function versionOf(version: string, state: ObservedState | null) {
  return { version, commit: state?.commit ?? "0".repeat(40), digest: null };
}
