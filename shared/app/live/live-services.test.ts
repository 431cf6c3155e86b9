import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { LiveEvent } from "../../contract/live.ts";
import { systemActor } from "../../core/actor.ts";
import { EventRow } from "../../db/rows/event.ts";
import { startProcess } from "../../testing/child-process.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import { createLiveServices, type LiveTail } from "./live-services.ts";

let db: TestDatabase;
let live: LiveTail;

beforeEach(async () => {
  db = await createTestDatabase();
  live = createLiveServices({ logger: db.logger, timers: db.clock });
  db.onCommit(() => live.wake());
});
afterEach(async () => {
  live.stop();
  await db.close();
});

function close(...releases: number[]): Promise<void> {
  return db.uow.run(async (tx) => {
    for (const number of releases) {
      await tx.emit({
        name: "release.closed",
        payload: { number, reason: "done" },
        actor: systemActor,
        subject: { kind: "release", id: String(number) },
        related: [{ kind: "environment", id: "prod" }],
      });
    }
  });
}

/** Collects what a listener hears and resolves when a seq has come. */
function collector() {
  const events: LiveEvent[] = [];
  let check: () => void = () => undefined;
  return {
    seqs: () => events.map((event) => event.seq),
    events,
    onEvent(event: LiveEvent) {
      events.push(event);
      check();
    },
    until: (seq: number) =>
      new Promise<void>((resolve) => {
        check = () => {
          if ((events.at(-1)?.seq ?? 0) >= seq) {
            resolve();
          }
        };
        check();
      }),
  };
}

/** How often the tail has read since, which nobody else does with this many rows. */
function countReads(): () => number {
  const spy = vi.spyOn(EventRow, "findAll");
  return () => {
    const count = spy.mock.calls.filter(([options]) => options?.limit === 500).length;
    spy.mockRestore();
    return count;
  };
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe(createLiveServices.name, () => {
  it("tells what happens from now on, without its state", async () => {
    await close(1);
    const heard = collector();
    await live.subscribe(null, heard.onEvent);
    await close(12);
    await heard.until(2);
    expect(heard.events).toEqual([
      {
        seq: 2,
        event: "release.closed",
        subject: { kind: "release", id: "12" },
        related: [{ kind: "environment", id: "prod" }],
        at: "2026-11-25T12:00:00.000Z",
      },
    ]);
  });

  it("replays from a seq on and goes on live, in order and without gaps", async () => {
    await close(...upTo(1_200));
    const heard = collector();
    const subscribed = live.subscribe(100, heard.onEvent);
    const writes = upTo(20).map((number) => close(number));
    await subscribed;
    await Promise.all(writes);
    await heard.until(1_220);
    expect(heard.seqs()).toEqual(upTo(1_220, 101));
  });

  it("gives each of many that come and go exactly what they miss", async () => {
    await close(...upTo(50));
    const all = upTo(40).map((index) => ({ after: index, heard: collector() }));
    await Promise.all([
      ...all.map(({ after, heard }) => live.subscribe(after, heard.onEvent)),
      ...upTo(10).map((number) => close(number)),
    ]);
    await close(1);
    await Promise.all(all.map(({ heard }) => heard.until(61)));
    for (const { after, heard } of all) {
      expect(heard.seqs()).toEqual(upTo(61, after + 1));
    }
  });

  it("reads each burst once, however many listen", async () => {
    const all = upTo(500).map(() => collector());
    for (const heard of all) {
      await live.subscribe(null, heard.onEvent);
    }
    await close(1);
    await Promise.all(all.map((heard) => heard.until(1)));
    const reads = countReads();
    await close(2, 3, 4);
    await Promise.all(all.map((heard) => heard.until(4)));
    expect(reads()).toBe(1);
  });

  it("serves those who reconnect from memory", async () => {
    const staying = collector();
    await live.subscribe(null, staying.onEvent);
    await close(...upTo(100));
    await staying.until(100);
    const reads = countReads();
    const all = upTo(50).map(() => collector());
    await Promise.all(all.map((heard) => live.subscribe(20, heard.onEvent)));
    await Promise.all(all.map((heard) => heard.until(100)));
    // Whoever joins makes the tail look once more, to be sure that nothing came in between.
    expect(reads()).toBeLessThan(10);
    expect(all[0]?.seqs()).toEqual(upTo(100, 21));
  });

  it("finds what another process wrote at the next poll", async () => {
    const heard = collector();
    await live.subscribe(null, heard.onEvent);
    const other = startProcess("shared/db/testing/database-process.ts", ["write", db.url, "3"]);
    await other.line((line) => line === "ready");
    other.send("go");
    expect((await other.ended).code).toBe(0);
    await db.clock.advance(1_000);
    await heard.until(3);
    expect(heard.seqs()).toEqual([1, 2, 3]);
  });

  it("says nothing more to whoever has left, and rests when nobody listens", async () => {
    const heard = collector();
    const leave = await live.subscribe(null, heard.onEvent);
    leave();
    expect(db.clock.pendingCount).toBe(0);
    const reads = countReads();
    await close(1);
    expect(reads()).toBe(0);
    expect(heard.seqs()).toEqual([]);
  });

  it("lets a listener go that fails, and tells the others", async () => {
    const heard = collector();
    await live.subscribe(null, () => {
      throw new Error("socket gone");
    });
    await live.subscribe(null, heard.onEvent);
    await close(1);
    await close(2);
    await heard.until(2);
    expect(heard.seqs()).toEqual([1, 2]);
  });

  it("begins at the end for a seq that does not exist yet", async () => {
    await close(1);
    const heard = collector();
    await live.subscribe(1_000, heard.onEvent);
    await close(2);
    await heard.until(2);
    expect(heard.seqs()).toEqual([2]);
  });

  it("knows the last seq", async () => {
    expect(await live.lastSeq()).toBe(0);
    await close(1, 2);
    expect(await live.lastSeq()).toBe(2);
  });
});
