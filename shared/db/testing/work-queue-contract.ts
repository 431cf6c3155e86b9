import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ReleaseNotFound, UpstreamUnavailable } from "../../errors/catalog.ts";
import { MOST_ATTEMPTS } from "../after-failure.ts";
import type { DeadWorkStore } from "../dead-work.ts";
import type { UnitOfWork } from "../unit-of-work.types.ts";
import type { Job, RunningWorkQueue } from "../work-queue.types.ts";

/** A queue under test and what a test may do around it. */
export interface QueueBench {
  readonly uow: UnitOfWork;
  /** Another process's queue over the same jobs. Everything made here is stopped by the test. */
  createQueue(): RunningWorkQueue;
  /** Calls back after each commit, as the process does. */
  onJobs(wake: () => void): void;
  /** Lets time pass for jobs and for timers. */
  pass(ms: number): Promise<void>;
  /** Makes every job that runs one whose process has fallen silent. */
  silence(): Promise<void>;
  /** Resolves when the processes of all jobs that run have beaten since time passed. */
  beaten(): Promise<void>;
  /** Jobs that are not done. */
  jobs(): Promise<
    readonly { readonly state: "waiting" | "running" | "dead"; error: string | null }[]
  >;
  readonly dead: DeadWorkStore;
  close(): Promise<void>;
}

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** What every queue promises, whatever it stands on. */
export function workQueueContract(create: () => Promise<QueueBench>): void {
  describe("a work queue", () => {
    let bench: QueueBench;
    let queue: RunningWorkQueue;
    let queues: RunningWorkQueue[];

    beforeEach(async () => {
      bench = await create();
      queues = [];
      queue = createQueue();
    });
    afterEach(async () => {
      await Promise.all(queues.map((each) => each.stop(0)));
      await bench.close();
    });

    function createQueue(): RunningWorkQueue {
      const made = bench.createQueue();
      queues.push(made);
      return made;
    }

    function enqueue(...jobs: Partial<Job>[]): Promise<void> {
      return bench.uow.run(async (tx) => {
        for (const job of jobs) {
          await tx.enqueue({ name: "release.refresh", payload: {}, ...job });
        }
      });
    }

    it("runs each job once and forgets it", async () => {
      const ran: unknown[] = [];
      queue.work("release.refresh", { concurrency: 2 }, async (payload) => {
        ran.push(payload);
      });
      await enqueue({ payload: { n: 1 } }, { payload: { n: 2, deep: { text: 'ä"\\' } } });
      await queue.runDue();
      expect(ran).toHaveLength(2);
      expect(ran).toEqual(expect.arrayContaining([{ n: 1 }, { n: 2, deep: { text: 'ä"\\' } }]));
      expect(await bench.jobs()).toEqual([]);
      await queue.runDue();
      expect(ran).toHaveLength(2);
    });

    it("forgets a job whose transaction is not kept", async () => {
      const ran: unknown[] = [];
      queue.work("release.refresh", { concurrency: 2 }, async (payload) => {
        ran.push(payload);
      });
      const refused = bench.uow.run(async (tx) => {
        await tx.enqueue({ name: "release.refresh", payload: {}, key: "release/1" });
        throw new Error("no");
      });
      await expect(refused).rejects.toThrow("no");
      await queue.runDue();
      expect(ran).toEqual([]);
      await enqueue({ payload: { n: 1 }, key: "release/1" });
      await queue.runDue();
      expect(ran).toEqual([{ n: 1 }]);
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
      await enqueue({ payload: { n: 1 }, runAt: new Date(Date.now() + 60_000) });
      await queue.runDue();
      expect(ran).toEqual([]);
      await bench.pass(61_000);
      await queue.runDue();
      expect(ran).toEqual([1]);
    });

    it("keeps one waiting job per key, and takes another one while the first runs", async () => {
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
      await enqueue(
        { payload: { n: 1 }, key: "release/1" },
        { payload: { n: 9 }, key: "release/1" },
      );
      await queue.runDue();
      expect(ran).toEqual([1, 2]);
    });

    it("never merges jobs without a key", async () => {
      const ran: unknown[] = [];
      queue.work("release.refresh", { concurrency: 1 }, async (payload) => {
        ran.push(payload["n"]);
      });
      await enqueue({ payload: { n: 1 } }, { payload: { n: 1 } });
      await queue.runDue();
      expect(ran).toEqual([1, 1]);
    });

    it("takes a new job with the key of one that failed and waits to be repeated", async () => {
      const ran: unknown[] = [];
      queue.work("release.refresh", { concurrency: 1 }, async (payload) => {
        ran.push(payload["n"]);
        if (payload["n"] === 1) {
          throw new UpstreamUnavailable({ system: "git", operation: "fetch" });
        }
      });
      await enqueue({ payload: { n: 1 }, key: "release/1" });
      await queue.runDue();
      await enqueue({ payload: { n: 2 }, key: "release/1" });
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
      await queue.runDue();
      expect(attempts).toBe(1);
      await bench.pass(1_000);
      await queue.runDue();
      expect(attempts).toBe(2);
      await bench.pass(1_000);
      await queue.runDue();
      expect(attempts).toBe(2);

      for (let more = 0; more < MOST_ATTEMPTS + 5; more += 1) {
        await bench.pass(600_000);
        await queue.runDue();
      }
      expect(attempts).toBe(MOST_ATTEMPTS);
      const text = "upstream.unavailable: git does not answer (fetch). Nothing was changed.";
      expect(await bench.jobs()).toEqual([{ state: "dead", error: text }]);
    });

    it("waits as long as the other side asks for", async () => {
      let attempts = 0;
      queue.work("release.refresh", { concurrency: 1 }, async () => {
        attempts += 1;
        throw new UpstreamUnavailable({ system: "git", operation: "fetch", retryAfterMs: 90_000 });
      });
      await enqueue({});
      await queue.runDue();
      await bench.pass(80_000);
      await queue.runDue();
      expect(attempts).toBe(1);
      await bench.pass(10_000);
      await queue.runDue();
      expect(attempts).toBe(2);
    });

    it("shows what died, newest first, and does it once more when it is revived", async () => {
      let isAway = true;
      const ran: unknown[] = [];
      queue.work("release.refresh", { concurrency: 1 }, async ({ number }) => {
        if (isAway) {
          throw new ReleaseNotFound({ release: `#${String(number)}` });
        }
        ran.push(number);
      });
      await enqueue({ payload: { number: 1 } });
      await queue.runDue();
      await enqueue({ payload: { number: 2 }, key: "release/2" });
      await queue.runDue();
      isAway = false;

      const dead = await bench.dead.list({ limit: 10, offset: 0 });
      expect(await bench.dead.count()).toBe(2);
      expect(dead).toMatchObject([
        { name: "release.refresh", about: "number/2", attempts: 1, isWanted: true },
        { name: "release.refresh", about: "number/1", attempts: 1, isWanted: true },
      ]);
      expect(dead[0]?.error).toContain("#2");
      expect(await bench.dead.list({ limit: 1, offset: 1 })).toEqual(dead.slice(1));
      const id = dead[0]?.id ?? "";
      await bench.uow.run(async (tx) => {
        expect(await bench.dead.find(id, tx.sequelize)).toEqual(dead[0]);
        await bench.dead.revive(id, tx.sequelize);
      });
      await queue.runDue();

      expect(ran).toEqual([2]);
      expect(await bench.dead.list({ limit: 10, offset: 0 })).toEqual(dead.slice(1));
      await bench.uow.run(async (tx) => {
        expect(await bench.dead.find(id, tx.sequelize)).toBeNull();
        expect(await bench.dead.find("12345678901", tx.sequelize)).toBeNull();
      });
    });

    it("buries a refusal at once", async () => {
      queue.work("release.refresh", { concurrency: 1 }, async () => {
        throw new ReleaseNotFound({ release: "#1" });
      });
      await enqueue({});
      await queue.runDue();
      expect((await bench.jobs()).map(({ state }) => state)).toEqual(["dead"]);
    });

    it("leaves jobs alone that it has no worker for", async () => {
      queue.work("release.refresh", { concurrency: 1 }, () => Promise.resolve());
      await enqueue({ name: "card.refresh" });
      await queue.runDue();
      expect((await bench.jobs()).map(({ state }) => state)).toEqual(["waiting"]);
    });

    it("is woken by commits, without waiting for a poll", async () => {
      const ran = deferred();
      queue.work("release.refresh", { concurrency: 1 }, async () => {
        ran.resolve();
      });
      bench.onJobs(() => queue.wake());
      queue.start();
      await enqueue({});
      await ran.promise;
    });

    it("gives back what did not end before the stop, as if it had not been tried", async () => {
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
      await bench.pass(5_000);
      await stopped;
      await aborted.promise;
      let attempts = 0;
      const next = createQueue();
      next.work("release.refresh", { concurrency: 1 }, async () => {
        attempts += 1;
      });
      for (let looks = 0; attempts === 0 && looks < 100; looks += 1) {
        await next.runDue();
      }
      expect(attempts).toBe(1);
      expect(await bench.jobs()).toEqual([]);
    });

    it("keeps a long job while its process beats", async () => {
      const gate = deferred();
      const started = deferred();
      queue.work("release.refresh", { concurrency: 1 }, async () => {
        started.resolve();
        await gate.promise;
      });
      const ran: unknown[] = [];
      const other = createQueue();
      other.work("release.refresh", { concurrency: 1 }, async (payload) => {
        ran.push(payload);
      });
      await enqueue({});
      queue.start();
      await started.promise;
      for (let beat = 0; beat < 5; beat += 1) {
        await bench.pass(10_000);
        await bench.beaten();
      }
      await other.runDue();
      expect(ran).toEqual([]);
      gate.resolve();
      await queue.stop(60_000);
    });

    it("gives a job whose process fell silent to another one, and what the first does changes nothing", async () => {
      const gate = deferred();
      const started = deferred();
      queue.work("release.refresh", { concurrency: 1 }, async () => {
        started.resolve();
        await gate.promise;
        throw new Error("too late");
      });
      await enqueue({ payload: { n: 1 } });
      queue.start();
      await started.promise;
      await bench.silence();
      const ran: unknown[] = [];
      const other = createQueue();
      other.work("release.refresh", { concurrency: 1 }, async (payload) => {
        ran.push(payload["n"]);
        gate.resolve();
        await queue.stop(60_000);
        expect((await bench.jobs()).map(({ state }) => state)).toEqual(["running"]);
      });
      await other.runDue();
      expect(ran).toEqual([1]);
      expect(await bench.jobs()).toEqual([]);
    });

    it("runs each job in exactly one of two queues", async () => {
      const ran: unknown[] = [];
      const other = createQueue();
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
  });
}
