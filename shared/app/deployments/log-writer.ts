import type { Stage } from "../../contract/deployment.ts";
import { DeploymentLogRow } from "../../db/rows/deployment-log.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { holdLease, type Lease, type LeaseOptions } from "./lease.ts";
import type { Timers } from "../../lib/scheduler.ts";

/** Output of the steps of one deployment, written in batches. */
export interface LogWriter {
  /** Takes a line; it is stored a moment later, or with the result of its step. */
  write(service: string, stage: Stage, line: string): void;
  /** Stores what is waiting in a transaction that holds the lease. */
  flush(tx: Tx): Promise<void>;
  /** Stores no more by itself. */
  stop(): void;
}

const FLUSH_MS = 500;
const LONGEST_LINE = 4_000;

/** Lines of one step that are kept; a flood says nothing more after that. */
const LINES_PER_STEP = 5_000;

interface Line {
  readonly service: string;
  readonly stage: Stage;
  readonly at: Date;
  readonly line: string;
}

export function createLogWriter(
  options: LeaseOptions & {
    readonly timers: Timers;
    /** Told when writing in the background failed; the lines are kept for the next time. */
    readonly onError: (error: unknown) => void;
  },
  lease: Lease,
): LogWriter {
  const counts = new Map<string, number>();
  let waiting: Line[] = [];
  let cancel: (() => void) | undefined;
  let isStopped = false;

  return { write, flush, stop };

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
    if (waiting.length === 0 || isStopped) {
      return;
    }
    options.uow
      .run(async (tx) => {
        await holdLease(options, lease, tx);
        await flush(tx);
      })
      .catch(options.onError);
  }

  async function flush(tx: Tx): Promise<void> {
    const lines = waiting;
    waiting = [];
    if (lines.length === 0) {
      return;
    }
    try {
      await DeploymentLogRow.bulkCreate(
        lines.map((line) => ({ ...line, deploymentId: lease.deploymentId })),
        { transaction: tx.sequelize },
      );
    } catch (error) {
      waiting = [...lines, ...waiting];
      throw error;
    }
  }

  function stop(): void {
    isStopped = true;
    cancel?.();
    cancel = undefined;
  }
}
