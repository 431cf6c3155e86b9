import type { ApplyContext, ApplyResult } from "../../../core/ports/deploy-target.ts";
import { pause } from "../../../lib/deadline.ts";
import { conclude, untilStill, type ChangeDeps } from "./apply.ts";
import { readStamp } from "./labels.ts";
import type { SwarmService } from "./swarm-state.ts";
import { watchChange } from "./watch.ts";

/** Swarm itself counts a service's version up while it works; somebody who updates all the time is another matter. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 100;

/** Replaces every task of a service by a new one of the same version, as its update settings say. */
export async function restartService(
  deps: ChangeDeps & { readonly random: () => number },
  name: string,
  run: ApplyContext,
): Promise<ApplyResult> {
  const serviceName = `${deps.stack}_${name}`;
  run.signal.throwIfAborted();
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const found = await untilStill(deps, name, serviceName, null, run);
    if (!found) {
      return { outcome: "failed", cause: "config", detail: `${name} does not run here.` };
    }
    const { service, tasks } = found.facts;
    const since = await deps.looker.now(run.signal);
    await run.confirm?.();
    const answer = await deps.engine.update(
      service.id,
      service.version,
      restarted(service),
      run.signal,
    );
    if (answer === "updated") {
      const change = {
        stamp: readStamp(service.labels),
        image: service.image,
        baseline: new Set(tasks.map(({ id }) => id)),
        since,
      };
      return conclude(deps, await watchChange(deps, { name, serviceName }, change, run), run);
    }
    // From the service as it is now: what somebody else has changed meanwhile stays changed.
    await pause(deps.timers, FIRST_PAUSE_MS * attempt * (1 + deps.random()), run.signal);
    run.signal.throwIfAborted();
  }
  return {
    outcome: "failed",
    cause: "superseded",
    detail: `${name} was changed by somebody else in every moment we tried to restart it. Find out who updates it all the time.`,
  };
}

/** The spec with one thing changed: a number that means nothing but "again". */
function restarted({ spec, forceUpdate }: SwarmService): Readonly<Record<string, unknown>> {
  const template = spec["TaskTemplate"];
  return {
    ...spec,
    TaskTemplate: {
      ...(typeof template === "object" ? template : {}),
      ForceUpdate: forceUpdate + 1,
    },
  };
}
