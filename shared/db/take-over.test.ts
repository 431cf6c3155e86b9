import { afterEach, beforeEach, expect, it } from "vitest";
import { buildActor } from "../testing/actors.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { createEventDeliveries } from "./event-deliveries.ts";
import { takeOver } from "./take-over.ts";
import { createWorkQueue } from "./work-queue.ts";

const interest = { name: "chat", events: ["release.refreshed"] as const };
let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase({ subscribers: [interest] });
});
afterEach(() => db.close());

it("makes due at once what a killed process had begun, and tries it once more", async () => {
  await db.uow.run(async (tx) => {
    await tx.enqueue({ name: "release.refresh", payload: { number: 12 } });
    await tx.emit({
      name: "release.refreshed",
      payload: { number: 12, fingerprint: "f", changes: [] },
      actor: buildActor("dana", ["dev"]),
      subject: { kind: "release", id: "12" },
    });
  });
  const deliveries = createEventDeliveries({ database: db, uow: db.uow, clock: db.clock });
  const claim = () =>
    deliveries.claim(new Map([[interest.name, 1]]), new Date(db.clock.now().getTime() + 30_000));
  const killed = createWorkQueue({ ...db, sequelize: db.sequelize, timers: db.clock });
  const handled: unknown[] = [];
  killed.work("release.refresh", { concurrency: 1 }, () => new Promise(() => undefined));
  killed.start();
  await db.clock.advance(0);
  expect(await claim()).toHaveLength(1);
  expect(await claim()).toHaveLength(0);

  await takeOver(db.uow);

  expect(await claim()).toMatchObject([{ attempts: 2 }]);
  const next = createWorkQueue({ ...db, sequelize: db.sequelize, timers: db.clock });
  next.work("release.refresh", { concurrency: 1 }, async (payload) => {
    handled.push(payload);
  });
  await next.runDue();
  expect(handled).toEqual([{ number: 12 }]);
});
