import type { Transaction } from "sequelize";
import { JobRow } from "./rows/job.ts";
import type { Job } from "./work-queue.types.ts";

/** Puts a job into our own table. */
export async function enqueueRow(transaction: Transaction, job: Job, now: Date): Promise<void> {
  await JobRow.bulkCreate(
    [
      {
        name: job.name,
        payload: job.payload,
        key: job.key ?? null,
        runAt: job.runAt ?? now,
        attempts: 0,
        status: "waiting",
      },
    ],
    // A job with the same key waits already: it will see what this one wanted to tell.
    { ignoreDuplicates: true, transaction },
  );
}
