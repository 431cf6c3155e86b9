import type { Actor } from "../../core/actor.ts";
import type { Progress } from "../services.ts";
import type { RefreshMode } from "./refresh-release.ts";

export interface RefreshRequest {
  readonly actor: Actor;
  readonly mode: RefreshMode;
  readonly progress?: Progress | undefined;
  /** Something is known to have changed just now, which a run that has begun already may have missed. */
  readonly mustBegin?: boolean;
}

/** Refreshes one release with one run at a time. */
export interface RefreshQueue {
  /**
   * Whoever asks while a run is under way gets the next one, together with everybody else who asks until it starts: the
   * present run may have read already what has changed since. The schedule is content with the present one, unless it
   * was told of a change. Answers whether anything changed.
   */
  run(number: number, request: RefreshRequest): Promise<boolean>;
}

interface Waiting {
  /** A person's, as soon as a person waits too: they are answered also when nothing changed. */
  request: RefreshRequest;
  readonly listeners: Progress[];
  readonly promise: Promise<boolean>;
}

export function createRefreshQueue(
  refresh: (
    number: number,
    request: RefreshRequest & { readonly progress: Progress },
  ) => Promise<boolean>,
): RefreshQueue {
  const running = new Map<number, Promise<boolean>>();
  const waiting = new Map<number, Waiting>();

  return {
    run(number, request) {
      const listeners = request.progress ? [request.progress] : [];
      const current = running.get(number);
      if (!current) {
        return begin(number, request, listeners);
      }
      const present = waiting.get(number);
      if (request.mode === "scheduled" && request.mustBegin !== true) {
        return present?.promise ?? current;
      }
      if (present) {
        present.listeners.push(...listeners);
        present.request = request.mode === "asked" ? request : present.request;
        return present.promise;
      }
      const proceed = () => {
        waiting.delete(number);
        return begin(number, next.request, listeners);
      };
      const next: Waiting = { request, listeners, promise: current.then(proceed, proceed) };
      waiting.set(number, next);
      return next.promise;
    },
  };

  function begin(
    number: number,
    { actor, mode }: RefreshRequest,
    listeners: readonly Progress[],
  ): Promise<boolean> {
    const progress: Progress = (done, total, what) => {
      listeners.forEach((tell) => tell(done, total, what));
    };
    const run = refresh(number, { actor, mode, progress });
    running.set(number, run);
    const forget = () => {
      if (running.get(number) === run) {
        running.delete(number);
      }
    };
    run.then(forget, forget);
    return run;
  }
}
