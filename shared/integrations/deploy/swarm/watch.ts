import type { ApplyContext } from "../../../core/ports/deploy-target.ts";
import { AppError } from "../../../errors/app-error.ts";
import { TargetLost } from "../../../errors/catalog.ts";
import { pause } from "../../../lib/deadline.ts";
import type { Timers } from "../../../lib/scheduler.ts";
import { formatDuration } from "../../../lib/time.ts";
import type { Looker } from "./look.ts";
import type { Pulses } from "./pulses.ts";
import type { SwarmService } from "./swarm-state.ts";
import type { Attempt } from "./failures.ts";
import { ENDED } from "./tasks.ts";
import { judge, removed, type Limits, type Verdict } from "./verdict.ts";

/** How a change ended. */
export type Ending =
  | { readonly outcome: "converged"; readonly service: SwarmService }
  | {
      readonly outcome: "failed";
      /** Null: it is gone. */
      readonly service: SwarmService | null;
      readonly verdict: Pick<
        Extract<Verdict, { state: "failed" }>,
        "cause" | "detail" | "task" | "running"
      >;
    };

export interface Patience extends Limits {
  /** Between looks when no event says that something happened. */
  readonly pollMs: number;
  /** So long nothing may change before a change counts as stuck. */
  readonly stuckMs: number;
  /** So long a Swarm that went away in the middle is waited for. */
  readonly unreachableMs: number;
}

export interface WatchDeps {
  readonly looker: Looker;
  readonly pulses: Pulses;
  readonly timers: Timers;
  readonly patience: Patience;
  /** What the target is called in errors. */
  readonly system: string;
}

/** Events come in bunches: one look for each bunch. */
const BUNCH_MS = 40;

/**
 * Follows a change until Swarm has made up its mind, and longer where Swarm would believe too early. Events tell when to
 * look, and a look now and then does not trust them. A manager that goes away in the middle is waited for.
 *
 * @throws TargetLost when it does not come back, and the signal's reason
 */
export async function watchChange(
  { looker, pulses, timers, patience, system }: WatchDeps,
  subject: { readonly name: string; readonly serviceName: string },
  attempt: Attempt,
  run: ApplyContext,
): Promise<Ending> {
  const { name, serviceName } = subject;
  const bell = createBell();
  const stopListening = pulses.listen((event) => {
    if (event.serviceName === null || event.serviceName === serviceName) {
      bell.ring();
    }
  });
  const clock = { steadySince: null as Date | null, changedAt: performance.now() };
  let told = "";
  let lostAt: number | undefined;
  let lastState = "";
  let forgiven: ReadonlySet<string> = new Set();
  try {
    for (;;) {
      run.signal.throwIfAborted();
      const looked = await look();
      if (looked !== "lost") {
        const ending = consider(looked);
        if (ending) {
          return ending;
        }
      }
      await bell.next(patience.pollMs);
    }
  } finally {
    stopListening();
    bell.end();
  }

  async function look() {
    try {
      const facts = await looker.lookAt(serviceName, run.signal);
      if (lostAt !== undefined) {
        say("Docker answers again.");
        // What happened meanwhile is news, too, and what ended meanwhile may well have ended because of it.
        clock.changedAt = performance.now();
        const ended = facts?.tasks.filter(({ state }) => ENDED.includes(state)) ?? [];
        forgiven = new Set(ended.map(({ id }) => id));
      }
      lostAt = undefined;
      return facts;
    } catch (error) {
      run.signal.throwIfAborted();
      if (!(error instanceof AppError)) {
        throw error;
      }
      lostAt ??= performance.now();
      say(`${capitalised(error.message.replace(" Nothing was changed.", ""))} Waiting for it.`);
      if (performance.now() - lostAt >= patience.unreachableMs) {
        throw new TargetLost({ system, service: name }, { cause: error });
      }
      return "lost" as const;
    }
  }

  function consider(facts: Awaited<ReturnType<Looker["lookAt"]>>): Ending | undefined {
    if (!facts) {
      return { outcome: "failed", service: null, verdict: removed(name) };
    }
    const { service } = facts;
    const verdict = judge(name, facts, { ...attempt, forgiven }, patience, clock.steadySince);
    switch (verdict.state) {
      case "converged":
        return { outcome: "converged", service };
      case "failed":
        return { outcome: "failed", service, verdict };
      case "progressing":
        break;
    }
    clock.steadySince = verdict.isSettling ? (clock.steadySince ?? facts.now) : null;
    say(verdict.detail);
    const state = `${verdict.running} ${verdict.desired} ${service.update?.state} ${verdict.isSettling}`;
    if (state !== lastState) {
      lastState = state;
      clock.changedAt = performance.now();
    }
    return performance.now() - clock.changedAt >= patience.stuckMs
      ? { outcome: "failed", service, verdict: stuck(verdict) }
      : undefined;
  }

  function stuck(verdict: Verdict & { readonly state: "progressing" }) {
    const { running } = verdict;
    return {
      cause: "timeout" as const,
      detail: `${verdict.detail.replace(/\.$/, "")}, and nothing has changed for ${formatDuration(patience.stuckMs)}.`,
      task: null,
      running,
    };
  }

  function say(line: string): void {
    if (line !== told) {
      told = line;
      run.log(line);
    }
  }

  /** Wakes whoever waits, at the latest after a while. */
  function createBell() {
    let rung = false;
    let wake: AbortController | undefined;
    return {
      ring() {
        rung = true;
        wake?.abort();
      },
      async next(ms: number) {
        if (!rung) {
          wake = new AbortController();
          await pause(timers, ms, AbortSignal.any([wake.signal, run.signal]));
        }
        await pause(timers, BUNCH_MS, run.signal);
        rung = false;
      },
      end() {
        wake?.abort();
      },
    };
  }
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
