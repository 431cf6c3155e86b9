import type { Transaction } from "sequelize";
import { pause } from "../lib/deadline.ts";
import type { Logger } from "../lib/logger.ts";
import { systemTimers, type Timers } from "../lib/scheduler.ts";
import type { Fence } from "./fence.ts";
import { LeaseGone, type HeldLease, type LeaseHolder, type Leases } from "./leases.ts";
import type { Signals } from "./signals.ts";

/** How long a leader that fell silent keeps its right. Whoever waits takes over within this time. */
export const LEASE_MS = 10_000;
const BEAT_MS = 2_500;
/** A leader counts itself out this long before anybody else can be it. */
const MARGIN_MS = 2_000;
/** How often those who wait look; a leader that ends in order wakes them at once. */
const TRY_MS = 1_000;

/** One time of leading, from taking the right to losing it. What is done in it belongs under this fence. */
export interface Term extends Fence {
  /** Aborts as soon as the right is lost or about to be given back. */
  readonly over: AbortSignal;
}

/** What is done while leading. */
export interface LedPart {
  /** Ends it. After a loss nothing can be written any more, so there is nothing to wait for. Never throws. */
  stop(how: { readonly isLost: boolean }): Promise<void>;
}

export interface Leadership {
  /**
   * Tries to lead until stopped. `begin` is called at the beginning of each term, never before the part of the last has ended.
   * Resolves after the first try: with the part begun, or while another process leads.
   */
  start(begin: (term: Term) => Promise<LedPart>): Promise<void>;
  /** Ends the part that runs, then gives the right back, so that another process takes over at once. */
  stop(): Promise<void>;
  readonly isLeading: boolean;
  /** Whoever leads, in whichever process; null when nobody does. */
  leader(): Promise<LeaseHolder | null>;
}

/**
 * Time since the start. The larger of two clocks: a machine that slept shows it on one of them only, and a right that may be
 * lost must count as lost.
 */
function createStopwatch(): () => number {
  const startedAt = Date.now();
  const since = performance.now();
  return () => Math.max(Date.now() - startedAt, performance.now() - since);
}

/** One leader among several processes, by a lease. */
export function createLeadership(deps: {
  readonly name: string;
  readonly leases: Leases;
  readonly signals: Pick<Signals, "on">;
  readonly logger: Logger;
  readonly timers?: Timers;
  /** Milliseconds that have passed, on any scale. */
  readonly elapsed?: () => number;
}): Leadership {
  const { name, leases, signals, timers = systemTimers, elapsed = createStopwatch() } = deps;
  const logger = deps.logger.child({ part: `leader:${name}` });
  const stopping = new AbortController();
  let term: (Term & { readonly isHeld: boolean }) | undefined;
  let running: Promise<void> = Promise.resolve();

  return {
    start(begin) {
      return new Promise((tried) => {
        running = campaign(begin, tried);
      });
    },
    async stop() {
      stopping.abort();
      await running;
    },
    get isLeading() {
      return term?.isHeld ?? false;
    },
    async leader() {
      const holder = await leases.holder(name);
      return holder?.isHeld ? holder : null;
    },
  };

  async function campaign(
    begin: (term: Term) => Promise<LedPart>,
    tried: () => void,
  ): Promise<void> {
    while (!stopping.signal.aborted) {
      const askedAt = elapsed();
      const lease = await attempt("taking the lease", () => leases.take(name, LEASE_MS));
      if (lease) {
        await serve(lease, askedAt, (own) => begin(own).finally(tried));
      } else {
        tried();
        await anyChange();
      }
    }
  }

  async function serve(
    lease: HeldLease,
    askedAt: number,
    begin: (term: Term) => Promise<LedPart>,
  ): Promise<void> {
    logger.info({ token: lease.token }, "leads from now on");
    const own = createTerm(lease, askedAt);
    term = own;
    const part = await attempt("beginning to lead", () => begin(own));
    if (part) {
      await ended(own.over);
      if (own.isLost) {
        logger.warn({ token: lease.token }, "leads no more: the lease was lost");
      }
      await attempt("ending what is led", () => part.stop({ isLost: own.isLost }));
    }
    term = undefined;
    own.end();
    if (!own.isLost) {
      await attempt("giving the lease back", () => leases.release(lease));
    }
    if (!part) {
      // Somebody else may have more luck, and the log must not fill.
      await pause(timers, BEAT_MS, stopping.signal);
    }
  }

  function createTerm(lease: HeldLease, askedAt: number) {
    const over = new AbortController();
    let until = askedAt + LEASE_MS - MARGIN_MS;
    let isLost = false;
    let isEnded = false;
    let cancelBeat: () => void = () => undefined;
    let cancelAlarm: () => void = () => undefined;
    const giveUp = () => over.abort();
    stopping.signal.addEventListener("abort", giveUp, { once: true });
    if (stopping.signal.aborted) {
      giveUp();
    }
    setAlarm();
    scheduleBeat();
    return {
      id: `${name}/${lease.token}`,
      over: over.signal,
      get isHeld() {
        return !isLost && elapsed() < until;
      },
      get isLost() {
        return isLost;
      },
      check,
      async prove(transaction: Transaction) {
        check();
        await leases.prove(lease, transaction);
      },
      end() {
        isEnded = true;
        cancelBeat();
        cancelAlarm();
        stopping.signal.removeEventListener("abort", giveUp);
      },
    };

    function check(): void {
      if (!isLost && elapsed() >= until) {
        lose();
      }
      if (isLost) {
        throw new LeaseGone(name);
      }
    }

    function lose(): void {
      isLost = true;
      over.abort();
    }

    /** The lease ends although nobody is asked, e.g. while the database does not answer. */
    function setAlarm(): void {
      cancelAlarm();
      cancelAlarm = timers.after(Math.max(0, until - elapsed()), () => {
        if (elapsed() >= until) {
          lose();
        } else {
          setAlarm();
        }
      });
    }

    function scheduleBeat(): void {
      cancelBeat = timers.after(BEAT_MS, () => void beat());
    }

    async function beat(): Promise<void> {
      const at = elapsed();
      const isExtended = await attempt("extending the lease", () => leases.extend(lease, LEASE_MS));
      if (isEnded || isLost) {
        return;
      }
      if (isExtended === false) {
        lose();
        return;
      }
      if (isExtended) {
        until = at + LEASE_MS - MARGIN_MS;
        setAlarm();
      }
      scheduleBeat();
    }
  }

  /** Waits until somebody may have given the lease back, or a moment. */
  async function anyChange(): Promise<void> {
    const change = new AbortController();
    const stopListening = signals.on("leases", () => change.abort());
    await pause(timers, TRY_MS, AbortSignal.any([change.signal, stopping.signal]));
    stopListening();
  }

  /** Undefined when it failed: the database may be away for a moment, and then it is tried again. */
  async function attempt<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      logger.warn({ err: error }, `${what} failed`);
      return undefined;
    }
  }
}

/** Leading without a rival, where one process has the database for itself. */
export function createSoleLeadership(owner: string): Leadership {
  let part: Promise<LedPart> | undefined;
  const term: Term = {
    id: owner,
    over: new AbortController().signal,
    check: () => undefined,
    prove: async () => undefined,
  };
  return {
    async start(begin) {
      part = begin(term);
      await part;
    },
    async stop() {
      const ending = part;
      part = undefined;
      await (await ending)?.stop({ isLost: false });
    },
    get isLeading() {
      return part !== undefined;
    },
    leader: async () =>
      part ? { owner, until: new Date(8.64e15), isHeld: true, isGone: false } : null,
  };
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    } else {
      signal.addEventListener("abort", () => resolve(), { once: true });
    }
  });
}
