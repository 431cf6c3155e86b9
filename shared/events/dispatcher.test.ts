import { afterEach, describe, expect, it } from "vitest";
import { systemActor } from "../core/actor.ts";
import { createEventDeliveries, type EventDeliveries } from "../db/event-deliveries.ts";
import { EventDeliveryRow } from "../db/rows/event-delivery.ts";
import { ReleaseNotFound, UpstreamUnavailable } from "../errors/catalog.ts";
import { correlationId, withCorrelation } from "../lib/correlation.ts";
import { startProcess } from "../testing/child-process.ts";
import { createManualClock } from "../testing/clock.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { createDispatcher, pruneDeliveries, type Dispatcher } from "./dispatcher.ts";
import type { DomainEvent, Subscriber } from "./events.ts";

let db: TestDatabase;
let deliveries: EventDeliveries;
let dispatcher: Dispatcher | undefined;

afterEach(async () => {
  await dispatcher?.stop(0);
  dispatcher = undefined;
  await db.close();
});

type Handle = (event: DomainEvent, signal: AbortSignal) => Promise<void>;

function subscriber(name: string, handle: Handle): Subscriber {
  return { name, events: ["release.closed"], handle };
}

async function setUp(...subscribers: Subscriber[]): Promise<Dispatcher> {
  db = await createTestDatabase({ subscribers });
  deliveries = createEventDeliveries({ database: db, uow: db.uow, clock: db.clock });
  dispatcher = create(subscribers);
  return dispatcher;
}

function create(subscribers: readonly Subscriber[], concurrency = 4): Dispatcher {
  return createDispatcher({
    deliveries,
    subscribers,
    clock: db.clock,
    timers: db.clock,
    logger: db.logger,
    concurrency,
  });
}

function close(release: number, count = 1): Promise<void> {
  return db.uow.run(async (tx) => {
    for (let index = 0; index < count; index += 1) {
      await tx.emit({
        name: "release.closed",
        payload: { number: release, reason: `reason ${index}` },
        actor: systemActor,
        subject: { kind: "release", id: String(release) },
      });
    }
  });
}

async function states(): Promise<unknown[]> {
  const rows = await EventDeliveryRow.findAll({ order: ["eventSeq", "id"] });
  return rows.map((row) => [row.subscriber, row.eventSeq, row.status, row.attempts]);
}

function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe(createDispatcher.name, () => {
  it("brings each fact to each subscriber once, with its correlation id", async () => {
    const heard: unknown[] = [];
    const listen = (name: string) =>
      subscriber(name, async (event) => {
        heard.push([name, event.seq, event.payload, event.subject.id, correlationId()]);
      });
    const { runOnce } = await setUp(listen("a"), listen("b"));
    await withCorrelation("request-1", () => close(12));
    await runOnce();
    await runOnce();

    const payload = { number: 12, reason: "reason 0" };
    expect(heard).toEqual([
      ["a", 1, payload, "12", "request-1"],
      ["b", 1, payload, "12", "request-1"],
    ]);
    expect(await states()).toEqual([
      ["a", 1, "done", 1],
      ["b", 1, "done", 1],
    ]);
  });

  it("tries again at once when it is told that what was in the way is gone", async () => {
    let isAway = true;
    const heard: string[] = [];
    const away = (name: string) =>
      subscriber(name, async () => {
        if (isAway) {
          throw new UpstreamUnavailable({ system: "Chat", operation: "posting", why: "away" });
        }
        heard.push(name);
      });
    const { runOnce } = await setUp(away("a"), away("b"));
    await close(12);
    await runOnce();
    isAway = false;
    await runOnce();
    expect(heard).toEqual([]);

    expect(await deliveries.hurry(["a"])).toBe(1);
    await runOnce();
    expect(heard).toEqual(["a"]);
    expect(await deliveries.hurry(["a"])).toBe(0);
  });

  it("delivers facts about one subject in order and about several side by side", async () => {
    const heard: string[] = [];
    let running = 0;
    let most = 0;
    const { runOnce } = await setUp(
      subscriber("a", async (event) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        heard.push(`${event.subject.id}/${event.seq}`);
        running -= 1;
      }),
    );
    for (const release of [1, 2, 1, 2, 1, 3]) {
      await close(release);
    }
    await runOnce();

    const about = (release: string) => heard.filter((line) => line.startsWith(`${release}/`));
    expect(about("1")).toEqual(["1/1", "1/3", "1/5"]);
    expect(about("2")).toEqual(["2/2", "2/4"]);
    expect(about("3")).toEqual(["3/6"]);
    expect(most).toBe(3);
  });

  it("runs no more at once per subscriber than allowed", async () => {
    let running = 0;
    let most = 0;
    const slow = subscriber("a", async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
    });
    await setUp(slow);
    for (let release = 1; release <= 10; release += 1) {
      await close(release);
    }
    await create([slow], 2).runOnce();
    expect(most).toBe(2);
    expect(await EventDeliveryRow.count({ where: { status: "done" } })).toBe(10);
  });

  it("lets a failed fact hold back later ones about its subject, and nothing else", async () => {
    let isDown = true;
    const heard: string[] = [];
    const { runOnce } = await setUp(
      subscriber("a", async (event) => {
        if (event.subject.id === "1" && isDown) {
          throw new UpstreamUnavailable({ system: "chat", operation: "post" });
        }
        heard.push(`a/${event.seq}`);
      }),
      subscriber("b", async (event) => {
        heard.push(`b/${event.seq}`);
      }),
    );
    await close(1);
    await close(1);
    await close(2);
    await runOnce();
    expect(heard.sort()).toEqual(["a/3", "b/1", "b/2", "b/3"]);

    isDown = false;
    heard.length = 0;
    await runOnce();
    expect(heard).toEqual([]);
    await db.clock.advance(1_000);
    await runOnce();
    expect(heard).toEqual(["a/1", "a/2"]);
  });

  it("buries a refusal at once with its reason, and goes on with what comes after", async () => {
    const heard: number[] = [];
    const { runOnce } = await setUp(
      subscriber("a", async (event) => {
        if (event.seq === 1) {
          throw new ReleaseNotFound({ release: "#1" });
        }
        heard.push(event.seq);
      }),
    );
    await close(1, 2);
    await runOnce();
    expect(heard).toEqual([2]);
    expect(await states()).toEqual([
      ["a", 1, "dead", 1],
      ["a", 2, "done", 1],
    ]);
    const dead = await EventDeliveryRow.findOne({ where: { status: "dead" } });
    expect(dead?.lastError).toBe("release.not_found: There is no release #1.");
  });

  it("does not let a subscriber that hangs delay another", async () => {
    const hanging = deferred();
    const heard: number[] = [];
    const allHeard = deferred();
    const { runOnce } = await setUp(
      subscriber("hangs", () => hanging.promise),
      subscriber("works", async (event) => {
        heard.push(event.seq);
        if (heard.length === 20) {
          allHeard.resolve();
        }
      }),
    );
    for (let release = 1; release <= 20; release += 1) {
      await close(release);
    }
    const run = runOnce();
    await allHeard.promise;
    expect(heard.length).toBe(20);
    hanging.resolve();
    await run;
    expect(await EventDeliveryRow.count({ where: { status: "done" } })).toBe(40);
  });

  it("tells a subscriber that takes too long to stop, and tries again", async () => {
    const started = deferred();
    const { runOnce } = await setUp(
      subscriber("a", async (_event, signal) => {
        started.resolve();
        await new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        });
      }),
    );
    await close(1);
    const run = runOnce();
    await started.promise;
    await db.clock.advance(60_000);
    await run;
    const row = await EventDeliveryRow.findOne();
    expect(row?.status).toBe("due");
    expect(row?.lastError).toBe("Error: a took longer than 60 s");
  });

  it("buries what is owed to a subscriber that no longer exists", async () => {
    await setUp(subscriber("old", () => Promise.resolve()));
    await close(1);
    await create([subscriber("new", () => Promise.resolve())]).runOnce();
    expect(await states()).toEqual([["old", 1, "dead", 0]]);
    expect((await EventDeliveryRow.findOne())?.lastError).toBe(
      "nobody listens under this name any more",
    );
  });

  it("refuses two subscribers of one name", async () => {
    await setUp();
    const twice = [1, 2].map(() => subscriber("a", () => Promise.resolve()));
    expect(() => create(twice)).toThrow("two subscribers have the same name");
  });

  it("is woken by commits, without waiting for a poll", async () => {
    const heard = deferred();
    const started = await setUp(
      subscriber("a", async () => {
        heard.resolve();
      }),
    );
    db.onCommit(() => started.wake());
    started.start();
    await close(1);
    await heard.promise;
  });

  it("keeps its lease while a subscriber works", async () => {
    const end = deferred();
    const started = deferred();
    const { runOnce } = await setUp(
      subscriber("a", async () => {
        started.resolve();
        await end.promise;
      }),
    );
    await close(1);
    const run = runOnce();
    await started.promise;
    const before = (await EventDeliveryRow.findOne())?.leaseUntil?.getTime() ?? 0;
    await db.clock.advance(10_000);
    // The beat is a write like any other: one more behind it proves that it is done.
    await db.uow.run(async () => undefined);
    const after = (await EventDeliveryRow.findOne())?.leaseUntil?.getTime() ?? 0;
    expect(after - before).toBe(10_000);
    end.resolve();
    await run;
  });

  it("gives back what did not end before the stop, as if it had not been tried", async () => {
    const started = deferred();
    const aborted = deferred();
    const running = await setUp(
      subscriber("a", async (_event, signal) => {
        started.resolve();
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        aborted.resolve();
        throw new Error("stopped");
      }),
    );
    await close(1);
    running.start();
    await started.promise;
    const stopped = running.stop(5_000);
    await db.clock.advance(5_000);
    await stopped;
    await aborted.promise;
    await db.uow.run(async () => undefined);
    expect(await states()).toEqual([["a", 1, "due", 0]]);
  });

  it("delivers again what a killed process had begun, once its lease ends", async () => {
    db = await createTestDatabase({
      subscribers: [{ name: "announce", events: ["release.closed"] }],
      clock: createManualClock(new Date()),
    });
    deliveries = createEventDeliveries({ database: db, uow: db.uow, clock: db.clock });
    await close(12);
    const other = startProcess("shared/db/testing/database-process.ts", ["deliver", db.url]);
    await other.line((line) => line === "ready");
    other.send("go");
    await other.line((line) => line === "handling 1");
    other.child.kill("SIGKILL");
    expect((await other.ended).code).toBe("SIGKILL");

    const heard: number[] = [];
    const { runOnce } = create([
      subscriber("announce", async (event) => {
        heard.push(event.seq);
      }),
    ]);
    db.clock.set(new Date());
    await runOnce();
    expect(heard).toEqual([]);
    await db.clock.advance(30_000);
    await runOnce();
    expect(heard).toEqual([1]);
    expect(await states()).toEqual([["announce", 1, "done", 2]]);
  });

  it("does not let a process that lost its lease settle a delivery", async () => {
    await setUp(subscriber("a", () => Promise.resolve()));
    await close(1);
    const until = new Date(db.clock.now().getTime() + 1_000);
    const [lost] = await deliveries.claim(new Map([["a", 1]]), until);
    await db.clock.advance(1_000);
    const [current] = await deliveries.claim(new Map([["a", 1]]), until);
    expect([lost?.attempts, current?.attempts]).toEqual([1, 2]);
    if (lost) {
      await deliveries.bury(lost, "too late");
    }
    expect(await states()).toEqual([["a", 1, "due", 2]]);
  });
});

describe(pruneDeliveries.name, () => {
  it("forgets what was delivered more than seven days ago, and only that", async () => {
    const { runOnce } = await setUp(
      subscriber("a", async (event) => {
        if (event.seq === 2) {
          throw new ReleaseNotFound({ release: "#2" });
        }
      }),
    );
    await close(1);
    await close(2);
    await runOnce();
    await db.clock.advance(7 * 24 * 60 * 60_000);
    await close(3);
    await runOnce();
    expect(await pruneDeliveries({ deliveries, clock: db.clock })).toBe(0);
    await db.clock.advance(1);
    expect(await pruneDeliveries({ deliveries, clock: db.clock })).toBe(1);
    expect(await states()).toEqual([
      ["a", 2, "dead", 1],
      ["a", 3, "done", 1],
    ]);
  });
});
