import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReleaseNotFound, UpstreamUnavailable } from "../errors/catalog.ts";
import { startProcess } from "../testing/child-process.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { MOST_ATTEMPTS } from "./after-failure.ts";
import { JobRow } from "./rows/job.ts";
import { createWorkQueue } from "./work-queue.ts";
import type { Job, RunningWorkQueue } from "./work-queue.types.ts";

let db: TestDatabase;
let queue: RunningWorkQueue;

beforeEach(async () => {
  db = await createTestDatabase();
  queue = create();
});
afterEach(async () => {
  await queue.stop(0);
  await db.close();
});

function create(): RunningWorkQueue {
  return createWorkQueue({
    sequelize: db.sequelize,
    uow: db.uow,
    clock: db.clock,
    timers: db.clock,
    logger: db.logger,
  });
}

function enqueue(...jobs: Partial<Job>[]): Promise<void> {
  return db.uow.run(async (tx) => {
    for (const job of jobs) {
      await tx.enqueue({ name: "release.refresh", payload: {}, ...job });
    }
  });
}

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe(createWorkQueue.name, () => {
  it("runs each job once and forgets it", async () => {
    const ran: unknown[] = [];
    queue.work("release.refresh", { concurrency: 2 }, async (payload) => {
      ran.push(payload["n"]);
    });
    await enqueue({ payload: { n: 1 } }, { payload: { n: 2 } }, { payload: { n: 3 } });
    await queue.runDue();
    expect(ran.sort()).toEqual([1, 2, 3]);
    expect(await JobRow.count()).toBe(0);
  });

  it("runs at most as many at once as asked", async () => {
    let running = 0;
    let most = 0;
    queue.work("release.refresh", { concurrency: 3 }, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    });
    await enqueue(...Array.from({ length: 12 }, (_, n) => ({ payload: { n } })));
    await queue.runDue();
    expect(most).toBe(3);
  });

  it("waits for the time a job names", async () => {
    const ran: unknown[] = [];
    queue.work("release.refresh", { concurrency: 1 }, async (payload) => {
      ran.push(payload["n"]);
    });
    const runAt = new Date(db.clock.now().getTime() + 60_000);
    await enqueue({ payload: { n: 1 }, runAt });
    await queue.runDue();
    expect(ran).toEqual([]);
    await db.clock.advance(60_000);
    await queue.runDue();
    expect(ran).toEqual([1]);
  });

  it("takes a new job with the key of one that runs already, but not of one that waits", async () => {
    const ran: unknown[] = [];
    queue.work("release.refresh", { concurrency: 1 }, async (payload) => {
      ran.push(payload["n"]);
      if (payload["n"] === 1) {
        await enqueue(
          { payload: { n: 2 }, key: "release/1" },
          { payload: { n: 3 }, key: "release/1" },
        );
      }
    });
    await enqueue({ payload: { n: 1 }, key: "release/1" });
    await queue.runDue();
    expect(ran).toEqual([1, 2]);
  });

  it("repeats what failed after growing pauses, and keeps it as dead in the end", async () => {
    let attempts = 0;
    queue.work("release.refresh", { concurrency: 1 }, async () => {
      attempts += 1;
      throw new UpstreamUnavailable({ system: "git", operation: "fetch" });
    });
    await enqueue({ payload: { n: 1 } });
    await queue.runDue();
    expect(attempts).toBe(1);
    await db.clock.advance(999);
    await queue.runDue();
    expect(attempts).toBe(1);
    await db.clock.advance(1);
    await queue.runDue();
    expect(attempts).toBe(2);

    for (let more = 0; more < MOST_ATTEMPTS + 5; more += 1) {
      await db.clock.advance(600_000);
      await queue.runDue();
    }
    expect(attempts).toBe(MOST_ATTEMPTS);
    const job = await JobRow.findOne();
    expect([job?.status, job?.lastError]).toEqual([
      "dead",
      "upstream.unavailable: git does not answer (fetch). Nothing was changed.",
    ]);
  });

  it("buries a refusal at once", async () => {
    queue.work("release.refresh", { concurrency: 1 }, async () => {
      throw new ReleaseNotFound({ release: "#1" });
    });
    await enqueue({});
    await queue.runDue();
    expect((await JobRow.findOne())?.status).toBe("dead");
  });

  it("leaves jobs alone that it has no worker for", async () => {
    queue.work("release.refresh", { concurrency: 1 }, () => Promise.resolve());
    await enqueue({ name: "card.refresh" });
    await queue.runDue();
    expect((await JobRow.findOne())?.status).toBe("waiting");
  });

  it("is woken by commits, without waiting for a poll", async () => {
    const ran = deferred();
    queue.work("release.refresh", { concurrency: 1 }, async () => {
      ran.resolve();
    });
    db.onCommit(() => queue.wake());
    queue.start();
    await enqueue({});
    await ran.promise;
  });

  it("gives back what did not end before the stop", async () => {
    const started = deferred();
    const aborted = deferred();
    queue.work("release.refresh", { concurrency: 1 }, async (_payload, signal) => {
      started.resolve();
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      aborted.resolve();
      throw new Error("stopped");
    });
    await enqueue({});
    queue.start();
    await started.promise;
    const stopped = queue.stop(5_000);
    await db.clock.advance(5_000);
    await stopped;
    await aborted.promise;
    await db.uow.run(async () => undefined);
    const job = await JobRow.findOne();
    expect([job?.status, job?.attempts]).toEqual(["waiting", 0]);
  });

  it("takes over what a process that no longer beats had begun", async () => {
    await enqueue({ payload: { n: 1 } });
    await db.uow.run((tx) =>
      JobRow.update(
        { status: "running", attempts: 1, leaseUntil: new Date(db.clock.now().getTime() + 30_000) },
        { where: {}, transaction: tx.sequelize },
      ),
    );
    const ran: unknown[] = [];
    queue.work("release.refresh", { concurrency: 1 }, async (payload) => {
      ran.push(payload["n"]);
    });
    await queue.runDue();
    expect(ran).toEqual([]);
    await db.clock.advance(30_000);
    await queue.runDue();
    expect(ran).toEqual([1]);
  });

  it("runs each job in exactly one of two queues", async () => {
    const ran: unknown[] = [];
    const other = create();
    for (const each of [queue, other]) {
      each.work("release.refresh", { concurrency: 4 }, async (payload) => {
        ran.push(payload["n"]);
      });
    }
    await enqueue(...Array.from({ length: 60 }, (_, n) => ({ payload: { n } })));
    await Promise.all([queue.runDue(), other.runDue()]);
    expect(ran.length).toBe(60);
    expect(new Set(ran).size).toBe(60);
  });

  it("runs each job in exactly one of two processes", async () => {
    db.clock.set(new Date());
    const ran: string[] = [];
    queue.work("release.refresh", { concurrency: 2 }, async (payload) => {
      ran.push(String(payload["n"]));
    });
    await enqueue(...Array.from({ length: 60 }, (_, n) => ({ payload: { n } })));
    const other = startProcess("shared/db/testing/database-process.ts", ["work", db.url]);
    await other.line((line) => line === "ready");
    other.send("go");
    const lines: string[] = [];
    const first = await other.line((line) => line.startsWith("ran "));
    lines.push(first);
    await queue.runDue();
    expect((await other.ended).code).toBe(0);
    lines.push(...other.rest());
    ran.push(...lines.map((line) => line.replace("ran ", "")));
    expect(ran.length).toBe(60);
    expect(new Set(ran).size).toBe(60);
    expect(await JobRow.count()).toBe(0);
  });
});
