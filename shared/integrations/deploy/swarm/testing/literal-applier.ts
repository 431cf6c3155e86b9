import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { DesiredState } from "../../../../core/ports/deploy-target.ts";
import { untilAborted } from "../../../../lib/deadline.ts";
import { LABELS, labelsOf, stampOf } from "../labels.ts";
import type { PreparedService, StackApplier } from "../stack-deploy.ts";
import type { TestSwarm } from "./swarm.ts";

/** A service as it stands in a stack file. */
export interface ServiceDefinition {
  readonly image: string;
  readonly deploy?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

/** Hands over what a test wrote down, without a repository; what makes stack files is tested for itself. */
export interface LiteralApplier extends StackApplier {
  /** What the stack file says of a service from now on. */
  define(service: string, definition: (desired: DesiredState) => ServiceDefinition): void;
  /** The next hand-over of the service hangs until it is aborted. */
  hang(service: string): { readonly reached: Promise<void> };
  /** The next hand-over ends without saying whether Swarm got it. */
  loseTrack(service: string, doesArrive: boolean): void;
  readonly running: number;
}

export function createLiteralApplier(swarm: TestSwarm, stack: string): LiteralApplier {
  const definitions = new Map<string, (desired: DesiredState) => ServiceDefinition>();
  const hangs = new Map<string, () => void>();
  const untracked = new Map<string, boolean>();
  let running = 0;

  return {
    get running() {
      return running;
    },
    define: (service, definition) => definitions.set(service, definition),
    hang(service) {
      return { reached: new Promise((resolve) => hangs.set(service, resolve)) };
    },
    loseTrack: (service, doesArrive) => untracked.set(service, doesArrive),
    check: () => Promise.resolve(),
    prepare: (desired) => Promise.resolve(render(desired, desired.service, {})),
    prepareMigration: (desired) =>
      Promise.resolve(
        render(
          desired,
          `${desired.service}-migrate`,
          { [LABELS.job]: "migrate" },
          String(desired.deployment),
        ),
      ),
    async deploy(prepared, { signal }) {
      signal.throwIfAborted();
      running += 1;
      try {
        const hanging = hangs.get(prepared.service);
        if (hanging) {
          hangs.delete(prepared.service);
          hanging();
          await untilAborted(sleep(600_000, undefined, { ref: false }), signal);
        }
        const doesArrive = untracked.get(prepared.service);
        untracked.delete(prepared.service);
        if (doesArrive !== false) {
          await swarm.deployStack(stack, prepared.stackFile);
        }
        return doesArrive === undefined
          ? { outcome: "sent" }
          : { outcome: "unknown", detail: "docker stack deploy did not end in time." };
      } finally {
        running -= 1;
      }
    },
  };

  function render(
    desired: DesiredState,
    key: string,
    labels: Readonly<Record<string, string>>,
    suffix?: string,
  ): PreparedService {
    const definition = definitions.get(key)?.(desired);
    if (!definition) {
      throw new Error(`the test defines no ${key}`);
    }
    const specHash = createHash("sha256").update(JSON.stringify(definition)).digest("hex");
    const stamp = {
      ...labelsOf(stampOf(desired, { digest: null, specHash, appliedAt: new Date() })),
      ...labels,
    };
    const name = suffix === undefined ? key : `${key}-${suffix}`;
    const deploy = { ...definition.deploy, labels: stamp };
    return {
      service: desired.service,
      serviceName: `${stack}_${name}`,
      image: definition.image,
      labels: stamp,
      specHash,
      warnings: [],
      files: new Map(),
      credentials: null,
      // JSON is YAML, too.
      stackFile: JSON.stringify({
        version: "3.9",
        services: { [name]: { ...definition, deploy } },
      }),
    };
  }
}
