import type { Stage } from "../../contract/deployment.ts";
import { DeploymentLogRow } from "../../db/rows/deployment-log.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { holdLease, type Lease, type LeaseOptions } from "./lease.ts";
import type { Timers } from "../../lib/scheduler.ts";

/** One line of output and where it comes from. */
export interface LogLine {
  readonly service: string;
  readonly stage: Stage;
  readonly at: Date;
  readonly line: string;
}

/** Output of the steps of one deployment, written in batches. */
export interface LogWriter {
  /** Takes a line; it is stored a moment later, or with the result of its step. */
  write(service: string, stage: Stage, line: string): void;
  /** Takes what is waiting, for a transaction that may have to be repeated. */
  take(): readonly LogLine[];
  /** Stores what was taken, in a transaction that holds the lease. */
  store(tx: Tx, lines: readonly LogLine[]): Promise<void>;
  /** Stores no more by itself. */
  stop(): void;
}

const FLUSH_MS = 500;
const LONGEST_LINE = 4_000;

/** Lines of one step that are kept; a flood says nothing more after that. */
const LINES_PER_STEP = 5_000;

export function createLogWriter(
  options: LeaseOptions & {
    readonly timers: Timers;
    /** Told when writing in the background failed; the lines are kept for the next time. */
    readonly onError: (error: unknown) => void;
  },
  lease: Lease,
): LogWriter {
  const counts = new Map<string, number>();
  const waiting: LogLine[] = [];
  let cancel: (() => void) | undefined;
  let isStopped = false;

  return { write, take, store, stop };

  function write(service: string, stage: Stage, text: string): void {
    const key = `${service} ${stage}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    if (count > LINES_PER_STEP) {
      return;
    }
    const line =
      count === LINES_PER_STEP
        ? `More than ${LINES_PER_STEP} lines: the rest is not kept.`
        : text.slice(0, LONGEST_LINE);
    waiting.push({ service, stage, at: options.clock.now(), line });
    if (!cancel && !isStopped) {
      cancel = options.timers.after(FLUSH_MS, () => {
        cancel = undefined;
        flushSoon();
      });
    }
  }

  function flushSoon(): void {
    const lines = isStopped ? [] : take();
    if (lines.length === 0) {
      return;
    }
    options.uow
      .run(async (tx) => {
        await holdLease(options, lease, tx);
        await store(tx, lines);
      })
      .catch((error: unknown) => {
        waiting.unshift(...lines);
        options.onError(error);
      });
  }

  function take(): readonly LogLine[] {
    return waiting.splice(0);
  }

  async function store(tx: Tx, lines: readonly LogLine[]): Promise<void> {
    if (lines.length > 0) {
      await DeploymentLogRow.bulkCreate(
        lines.map((line) => ({ ...line, deploymentId: lease.deploymentId })),
        { transaction: tx.sequelize },
      );
    }
  }

  function stop(): void {
    isStopped = true;
    cancel?.();
    cancel = undefined;
  }
}
