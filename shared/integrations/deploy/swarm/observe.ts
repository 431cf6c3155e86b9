import type { ObservedState } from "../../../core/ports/deploy-target.ts";
import { DOCKER_LABELS, readStamp, type Stamp } from "./labels.ts";
import type { Attempt } from "./failures.ts";
import { isSameImage } from "./images.ts";
import type { SwarmService } from "./swarm-state.ts";
import { isRunning, runningCopies, type ServiceFacts } from "./tasks.ts";
import { judge, rolledBack, type Limits, type Verdict } from "./verdict.ts";

/** Older failures are history: what matters is how the service is doing. */
const RECENT_MS = 10 * 60_000;

/** What is there to be judged when nobody remembers having changed it. */
export interface Standing {
  readonly stamp: Stamp | null;
  readonly verdict: Verdict;
}

/** Clocks of two machines, as far as they matter here. */
export interface Clocks {
  toOurs(theirs: Date): Date;
  toTheirs(ours: Date): Date;
}

/** How a service is doing, from one look and nothing remembered. */
export function standingOf(
  name: string,
  facts: ServiceFacts,
  limits: Limits,
  clocks: Clocks,
): Standing {
  const { service, now } = facts;
  const stamp = trueStamp(facts);
  const recent = new Date(now.getTime() - RECENT_MS);
  const applied = stamp ? clocks.toTheirs(stamp.appliedAt) : recent;
  const attempt: Attempt = {
    stamp: null,
    image: null,
    baseline: new Set(),
    since: applied > recent ? applied : recent,
  };
  // A finished rollback is over: what counts is how the version before fares.
  const isBack = rolledBack(name, facts) !== null;
  const judged = isBack ? { ...facts, service: watched(service) } : facts;
  return { stamp, verdict: judge(name, judged, attempt, limits, null) };
}

function watched(service: SwarmService): SwarmService {
  return {
    ...service,
    update: service.update && { ...service.update, state: "completed" },
    hasPrevious: true,
  };
}

/**
 * The stamp on the service, unless somebody has changed its image since: they take the labels of a deploy along with
 * something else.
 */
export function trueStamp({ service }: Pick<ServiceFacts, "service">): Stamp | null {
  const stamp = readStamp(service.labels);
  const asked = service.labels[DOCKER_LABELS.image];
  const isChanged = asked !== undefined && !isSameImage(asked, service.image);
  return isChanged ? null : stamp;
}

/** What a person or a runner that remembers nothing is told. */
export function toObserved(
  name: string,
  facts: ServiceFacts,
  standing: Standing,
  clocks: Clocks,
): Omit<ObservedState, "log" | "observedAt"> {
  const { service } = facts;
  const { stamp, verdict } = standing;
  const digest = digestOf(service.image);
  const back = rolledBack(name, facts);
  const turnedBack = back ? { ...back, at: clocks.toOurs(back.at) } : undefined;
  return {
    service: name,
    version: stamp?.version ?? tagOf(service.image),
    commit: stamp?.commit ?? null,
    digest,
    ...healthOf(verdict, turnedBack),
    copies: {
      running: runningCopies(facts),
      desired: verdict.desired,
      since: youngest(facts, clocks),
    },
    ...(turnedBack && { turnedBack }),
  };
}

function healthOf(
  verdict: Verdict,
  turnedBack: ObservedState["turnedBack"] | undefined,
): Pick<ObservedState, "health" | "cause" | "detail"> {
  switch (verdict.state) {
    case "converged":
      return { health: "healthy", cause: null, detail: turnedBack?.detail ?? null };
    case "progressing":
      return { health: "progressing", cause: null, detail: verdict.detail };
    case "failed":
      return { health: "unhealthy", cause: verdict.cause, detail: verdict.detail };
  }
}

export function digestOf(image: string): string | null {
  const [, digest] = image.split("@");
  return digest ?? null;
}

/** What to call an image nobody gave a version: its tag, or the beginning of its digest. */
export function tagOf(image: string): string {
  const [name = "", digest] = image.split("@");
  const tag = /:([^:/]+)$/.exec(name)?.[1];
  return tag ?? digest?.replace(/^sha256:/, "").slice(0, 12) ?? "latest";
}

function youngest({ tasks }: ServiceFacts, clocks: Clocks): Date | null {
  const running = tasks.filter((task) => isRunning(task)).map(({ since }) => since.getTime());
  return running.length === 0 ? null : clocks.toOurs(new Date(Math.max(...running)));
}
