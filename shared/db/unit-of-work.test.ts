import { randomUUID } from "node:crypto";
import { QueryTypes, UniqueConstraintError, type Transaction } from "sequelize";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemActor, type Actor } from "../core/actor.ts";
import { GENESIS_HASH, hashEvent } from "../events/event-hash.ts";
import type { NewEvent } from "../events/events.ts";
import { withCorrelation } from "../lib/correlation.ts";
import { startProcess } from "../testing/child-process.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { EventDeliveryRow } from "./rows/event-delivery.ts";
import { EventRow } from "./rows/event.ts";
import { JobRow } from "./rows/job.ts";
import { TeamRow } from "./rows/team.ts";
import { createUnitOfWork } from "./unit-of-work.ts";
import type { Tx } from "./unit-of-work.types.ts";

let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase({
    subscribers: [
      { name: "announce", events: ["release.closed", "release.approved"] },
      { name: "count", events: ["release.closed"] },
      { name: "deaf", events: [] },
    ],
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await db.close();
});

function closed(number: number, actor: Actor = systemActor): NewEvent {
  return {
    name: "release.closed",
    payload: { number, reason: "test" },
    actor,
    subject: { kind: "release", id: String(number) },
    related: [{ kind: "environment", id: "prod" }],
  };
}

function addTeam(name: string, transaction: Transaction): Promise<TeamRow> {
  return TeamRow.create(
    { name, description: "", members: [], updatedAt: db.clock.now() },
    { transaction },
  );
}

async function teams(): Promise<string[]> {
  return (await TeamRow.findAll({ order: ["name"] })).map((row) => row.name);
}

async function expectUnbrokenChain(count: number): Promise<void> {
  const events = await EventRow.findAll({ order: ["seq"] });
  let previousHash = GENESIS_HASH;
  expect(events.map((event) => event.seq)).toEqual(
    Array.from({ length: count }, (_, index) => index + 1),
  );
  for (const event of events) {
    expect(event.previousHash).toBe(previousHash);
    expect(hashEvent(event.get({ plain: true }))).toBe(event.hash);
    previousHash = event.hash;
  }
}

describe(createUnitOfWork.name, () => {
  it("keeps what a work wrote and gives its result back after the commit", async () => {
    const result = await db.uow.run(async (tx) => {
      await addTeam("payments", tx.sequelize);
      expect(await teams()).toEqual([]);
      return 42;
    });
    expect(result).toBe(42);
    expect(await teams()).toEqual(["payments"]);
  });

  it("keeps nothing of a work that throws, neither rows nor facts nor jobs", async () => {
    const work = db.uow.run(async (tx) => {
      await addTeam("payments", tx.sequelize);
      await tx.emit(closed(1));
      await tx.enqueue({ name: "release.refresh", payload: {} });
      tx.afterCommit(() => expect.unreachable());
      throw new Error("changed my mind");
    });
    await expect(work).rejects.toThrow("changed my mind");
    expect(await teams()).toEqual([]);
    expect(await EventRow.count()).toBe(0);
    expect(await JobRow.count()).toBe(0);
    expect(db.commits).toEqual([]);
  });

  it("runs a hundred works at once, every fifth of them throwing", async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 100 }, (_, index) =>
        db.uow.run(async (tx) => {
          await addTeam(`team-${String(index).padStart(3, "0")}`, tx.sequelize);
          await tx.emit(closed(index));
          if (index % 5 === 0) {
            throw new Error(`no ${index}`);
          }
          return index;
        }),
      ),
    );

    results.forEach((result, index) => {
      expect(result).toMatchObject(
        index % 5 === 0
          ? { status: "rejected", reason: { message: `no ${index}` } }
          : { status: "fulfilled", value: index },
      );
    });
    expect((await teams()).length).toBe(80);
    expect(await EventDeliveryRow.count({ where: { status: "due" } })).toBe(160);
    await expectUnbrokenChain(80);
    const order = (await EventRow.findAll({ order: ["seq"] })).map((event) =>
      Number(event.subjectId),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it("shares commits between works that wait", async () => {
    await Promise.all(Array.from({ length: 40 }, (_, n) => db.uow.run((tx) => tx.emit(closed(n)))));
    expect(db.commits.length).toBeLessThan(20);
    expect(db.commits.at(-1)).toEqual({ lastSeq: 40, jobCount: 0 });
  });

  it("rejects every work of a transaction that cannot be committed, and goes on", async () => {
    await db.sequelize.query("CREATE TABLE parents (id INTEGER PRIMARY KEY)");
    await db.sequelize.query(
      "CREATE TABLE children (parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED)",
    );
    let inside = 0;
    const works = [1, 2, 3].map((index) =>
      db.uow.run(async (tx) => {
        inside += 1;
        await addTeam(`team-${index}`, tx.sequelize);
        if (index === 2) {
          // Only the commit notices a deferred rule.
          await db.sequelize.query("INSERT INTO children VALUES (7)", {
            transaction: tx.sequelize,
          });
        }
      }),
    );
    const results = await Promise.allSettled(works);
    expect(inside).toBe(3);
    expect(results[1]?.status).toBe("rejected");
    // Whoever shared that transaction was told so, and whoever did not was kept.
    const kept = results.flatMap(({ status }, at) =>
      status === "fulfilled" ? [`team-${at + 1}`] : [],
    );
    expect(await teams()).toEqual(kept);

    await db.uow.run((tx) => addTeam("after", tx.sequelize));
    expect(await teams()).toEqual(["after", ...kept]);
  });

  it("on SQLite, says that the disk is full to all whose work is lost, and works again when there is room", async () => {
    await db.close();
    db = await createTestDatabase({ on: "sqlite" });
    const big = "x".repeat(200_000);
    const limit = (pages: number, tx: Tx) =>
      db.sequelize.query(`PRAGMA max_page_count=${pages}`, {
        type: QueryTypes.SELECT,
        transaction: tx.sequelize,
      });
    await db.uow.run((tx) => limit(1, tx));
    const results = await Promise.allSettled([
      db.uow.run((tx) => tx.emit(closed(1))),
      db.uow.run((tx) =>
        TeamRow.create(
          { name: "big", description: big, members: [], updatedAt: db.clock.now() },
          { transaction: tx.sequelize },
        ),
      ),
      db.uow.run((tx) => tx.emit(closed(3))),
    ]);
    expect(results[1]).toMatchObject({
      status: "rejected",
      reason: { code: "storage.unavailable", remedy: "Free some space, then try again." },
    });
    const kept = results.filter((result) => result.status === "fulfilled").length;
    expect(await EventRow.count()).toBe(kept);

    await db.uow.run((tx) => limit(1_000_000, tx));
    await db.uow.run((tx) => tx.emit(closed(4)));
    await expectUnbrokenChain(kept + 1);
  });

  it("refuses to be called inside itself instead of waiting for ever", async () => {
    const nested = db.uow.run(() => db.uow.run(async () => "never"));
    await expect(nested).rejects.toThrow("nested unit of work");
  });

  it("can be called by what a work started, once the work is over", async () => {
    let later: Promise<string> | undefined;
    const over = withResolvers();
    await db.uow.run(async () => {
      later = over.promise.then(() => db.uow.run(async () => "fine"));
    });
    over.resolve(undefined);
    expect(await later).toBe("fine");
  });

  it("refuses a statement that comes after its work is over", async () => {
    let kept: Tx | undefined;
    await db.uow.run(async (tx) => {
      kept = tx;
    });
    await expect(addTeam("late", (kept as Tx).sequelize)).rejects.toThrow(/no longer use it/);
  });

  it("names the caller of a work that blocks all others", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const error = vi.fn();
    const uow = createUnitOfWork({
      database: db,
      subscribers: [],
      correlationId: () => null,
      clock: db.clock,
      onCommit: () => undefined,
      logger: { ...db.logger, error },
    });
    const started = withResolvers();
    const end = withResolvers();
    const work = uow.run(async () => {
      started.resolve(undefined);
      await end.promise;
    });
    await started.promise;
    vi.advanceTimersByTime(9_999);
    expect(error).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(error).toHaveBeenCalledExactlyOnceWith(
      { caller: expect.stringContaining("unit-of-work.test.ts") as string },
      "unit of work blocks all others for too long",
    );
    end.resolve(undefined);
    await work;
  });

  it("lets the caller catch a broken unique index by its type", async () => {
    await db.uow.run((tx) => addTeam("payments", tx.sequelize));
    const again = db.uow.run((tx) => addTeam("payments", tx.sequelize));
    await expect(again).rejects.toBeInstanceOf(UniqueConstraintError);
  });

  it("lets whoever was second read what was first, also when both shared a commit", async () => {
    const results = await Promise.all(
      Array.from({ length: 20 }, async () => {
        try {
          await db.uow.run((tx) => addTeam("payments", tx.sequelize));
          return "first";
        } catch {
          return (await TeamRow.findByPk("payments"))?.name;
        }
      }),
    );
    expect(results.sort()).toEqual(["first", ...Array.from({ length: 19 }, () => "payments")]);
  });

  it("tells after the commit, in the order of the works, and survives a listener that throws", async () => {
    const told: string[] = [];
    await Promise.all(
      [1, 2, 3].map((index) =>
        db.uow
          .run(async (tx) => {
            tx.afterCommit(() => {
              told.push(`told ${index}`);
              throw new Error("listener");
            });
          })
          .then(() => told.push(`resolved ${index}`)),
      ),
    );
    expect(told.filter((line) => line.startsWith("told"))).toEqual(["told 1", "told 2", "told 3"]);
    expect(told.indexOf("told 1")).toBeLessThan(told.indexOf("resolved 1"));
  });

  it("gives short numbers that are never given twice", async () => {
    const numbers = await Promise.all(
      Array.from({ length: 30 }, () => db.uow.run((tx) => tx.nextNumber("release"))),
    );
    expect([...numbers].sort((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1));
    expect(await db.uow.run((tx) => tx.nextNumber("deployment"))).toBe(1);
  });

  it("drops a job whose key waits already", async () => {
    const runAt = new Date("2026-12-01T00:00:00Z");
    await db.uow.run(async (tx) => {
      await tx.enqueue({ name: "deployment.advance", payload: { n: 1 }, key: "deployment/7" });
      await tx.enqueue({ name: "deployment.advance", payload: { n: 2 }, key: "deployment/7" });
      await tx.enqueue({ name: "release.refresh", payload: { n: 3 }, runAt });
      await tx.enqueue({ name: "release.refresh", payload: { n: 4 } });
    });
    const jobs = await JobRow.findAll({ order: ["id"] });
    expect(jobs.map((job) => [job.payload, job.key, job.runAt])).toEqual([
      [{ n: 1 }, "deployment/7", db.clock.now()],
      [{ n: 3 }, null, runAt],
      [{ n: 4 }, null, db.clock.now()],
    ]);
  });
});

describe("the facts of a unit of work", () => {
  const dana: Actor = {
    ...systemActor,
    kind: "person",
    subject: "sub-dana",
    username: "dana",
    name: "Dana\0 \uD800",
    via: { platform: "web", ip: "192.0.2.7", userAgent: "u".repeat(2_000) },
  };

  it("say who, from where, what and when, and are owed to every interested subscriber", async () => {
    await withCorrelation("request-1", () => db.uow.run((tx) => tx.emit(closed(12, dana))));
    const [event] = await EventRow.findAll();
    expect(event?.get({ plain: true })).toMatchObject({
      seq: 1,
      name: "release.closed",
      payload: { number: 12, reason: "test" },
      actorSubject: "sub-dana",
      actorUsername: "dana",
      actorName: "Dana\uFFFD \uFFFD",
      platform: "web",
      ip: "192.0.2.7",
      userAgent: "u".repeat(512),
      subjectKind: "release",
      subjectId: "12",
      related: [{ kind: "environment", id: "prod" }],
      correlationId: "request-1",
      occurredAt: db.clock.now(),
      previousHash: GENESIS_HASH,
    });
    const deliveries = await EventDeliveryRow.findAll({ order: ["id"] });
    expect(deliveries.map((row) => [row.eventSeq, row.subscriber, row.status])).toEqual([
      [1, "announce", "due"],
      [1, "count", "due"],
    ]);
    await expectUnbrokenChain(1);
  });

  it("keep the correlation id of each caller when works share a commit", async () => {
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        withCorrelation(`request-${n}`, () => db.uow.run((tx) => tx.emit(closed(n)))),
      ),
    );
    const events = await EventRow.findAll();
    expect(events.map((event) => event.correlationId)).toEqual(
      events.map((event) => `request-${event.subjectId}`),
    );
  });

  it("share one correlation id when there is none around", async () => {
    await db.uow.run(async (tx) => {
      await tx.emit(closed(1));
      await tx.emit(closed(2));
    });
    const ids = (await EventRow.findAll()).map((event) => event.correlationId);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("hash the same after they were stored, whatever their texts hold", async () => {
    const before = {
      nested: [undefined, { b: 1, a: "\0\uDC00é" }],
      at: new Date(0),
      id: randomUUID(),
    };
    await db.uow.run((tx) =>
      tx.emit({
        name: "team.saved",
        payload: { team: "it's \0 \uD83D a `team`; --", before, after: null },
        actor: dana,
        subject: { kind: "team", id: "\0" },
      }),
    );
    await expectUnbrokenChain(1);
  });

  it("may carry megabytes of what people wrote", async () => {
    const notes = "it's a long note; ".repeat(60_000);
    const edited: NewEvent = {
      name: "release.edited",
      payload: { number: 1, field: "notes", before: notes, after: `${notes}!` },
      actor: dana,
      subject: { kind: "release", id: "1" },
    };
    await Promise.all([1, 2, 3].map(() => db.uow.run((tx) => tx.emit(edited))));
    await expectUnbrokenChain(3);
  });

  it("make one chain when another process writes at the same time", async () => {
    const other = startProcess("shared/db/testing/database-process.ts", ["write", db.url, "40"]);
    await other.line((line) => line === "ready");
    other.send("go");
    for (let index = 0; index < 40; index += 1) {
      await db.uow.run(async (tx) => {
        await tx.nextNumber("release");
        await tx.emit(closed(index));
      });
    }
    expect(await other.ended).toEqual({ code: 0, stderr: "" });
    await expectUnbrokenChain(80);
    expect(await db.uow.run((tx) => tx.nextNumber("release"))).toBe(81);
  });
});

function withResolvers() {
  let resolve: (value: unknown) => void = () => undefined;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
