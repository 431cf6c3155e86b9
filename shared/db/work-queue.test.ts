import { describe, expect, it, vi } from "vitest";
import { startProcess } from "../testing/child-process.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { createDeadJobs } from "./dead-work.ts";
import { JobRow } from "./rows/job.ts";
import { workQueueContract } from "./testing/work-queue-contract.ts";
import { createWorkQueue } from "./work-queue.ts";
import type { RunningWorkQueue } from "./work-queue.types.ts";

function create(db: TestDatabase): RunningWorkQueue {
  return createWorkQueue({
    sequelize: db.sequelize,
    uow: db.uow,
    clock: db.clock,
    timers: db.clock,
    logger: db.logger,
  });
}

workQueueContract(async () => {
  const db = await createTestDatabase();
  db.clock.set(new Date());
  return {
    uow: db.uow,
    createQueue: () => create(db),
    onJobs: (wake) => db.onCommit(wake),
    pass: (ms) => db.clock.advance(ms),
    async silence() {
      await db.uow.run((tx) =>
        JobRow.update(
          { leaseUntil: db.clock.now() },
          { where: { status: "running" }, transaction: tx.sequelize },
        ),
      );
    },
    beaten: () =>
      vi.waitFor(async () => {
        const fresh = db.clock.now().getTime() + 25_000;
        const rows = await JobRow.findAll({ where: { status: "running" } });
        expect(rows.every((row) => (row.leaseUntil?.getTime() ?? 0) > fresh)).toBe(true);
      }),
    async jobs() {
      const rows = await JobRow.findAll();
      return rows.map(({ status, lastError }) => ({ state: status, error: lastError }));
    },
    dead: createDeadJobs(db),
    close: () => db.close(),
  };
});

describe(createWorkQueue.name, () => {
  it("runs each job in exactly one of two processes", async () => {
    const db = await createTestDatabase();
    db.clock.set(new Date());
    const queue = create(db);
    const ran: string[] = [];
    queue.work("release.refresh", { concurrency: 2 }, async (payload) => {
      ran.push(String(payload["n"]));
    });
    await db.uow.run(async (tx) => {
      for (let n = 0; n < 60; n += 1) {
        await tx.enqueue({ name: "release.refresh", payload: { n } });
      }
    });
    const other = startProcess("shared/db/testing/database-process.ts", ["work", db.url]);
    await other.line((line) => line === "ready");
    other.send("go");
    const lines = [await other.line((line) => line.startsWith("ran "))];
    await queue.runDue();
    expect((await other.ended).code).toBe(0);
    lines.push(...other.rest());
    ran.push(...lines.map((line) => line.replace("ran ", "")));
    expect(ran.length).toBe(60);
    expect(new Set(ran).size).toBe(60);
    expect(await JobRow.count()).toBe(0);
    await db.close();
  });
});
