import { afterAll, beforeAll } from "vitest";
import { deployTargetContract } from "../../../testing/deploy-target-contract.ts";
import { describeWith } from "../../../testing/needs.ts";
import { createSwarmWorld, type SwarmWorld } from "../../../testing/swarm-world.ts";
import { hasSwarm, SWARM_PART } from "./testing/swarm.ts";

describeWith(SWARM_PART, hasSwarm)(`the contract on a real Swarm (needs ${SWARM_PART})`, () => {
  let world: SwarmWorld;

  beforeAll(async () => {
    world = await createSwarmWorld();
  });
  afterAll(() => world?.close());

  deployTargetContract("swarm", () => {
    const failing = new Set<string>();
    let isUnplugged = false;
    for (const service of ["auth", "billing", "api", "user"]) {
      world.define(service, (desired) => ({
        ...(failing.delete(service) && { image: "shop/app:nowhere" }),
        deploy: {
          update_config: { failure_action: "rollback", monitor: "300ms" },
          labels: { asked: desired.version },
        },
      }));
    }
    world.define("billing-migrate", {
      command: ["/bin/true"],
      deploy: { mode: "replicated-job", restart_policy: { condition: "none" } },
    });
    return {
      target: world.target,
      failApply: (service) => {
        failing.add(service);
      },
      hangApply: (service) => world.applier.hang(service),
      runningCount: () => world.applier.running,
      async unplug() {
        isUnplugged = true;
        await world.swarm.kill();
      },
      async close() {
        if (isUnplugged) {
          await world.swarm.boot();
        }
        await world.swarm.clear();
      },
    };
  });
});
