import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemActor, type Actor } from "../../core/actor.ts";
import { createDeadDeliveries, createDeadJobs } from "../../db/dead-work.ts";
import { createEventDeliveries, ORPHANED } from "../../db/event-deliveries.ts";
import { EventDeliveryRow } from "../../db/rows/event-delivery.ts";
import { EventRow } from "../../db/rows/event.ts";
import { JobRow } from "../../db/rows/job.ts";
import { createWorkQueue } from "../../db/work-queue.ts";
import { PermissionDenied, WorkNotFound, WorkUnwanted } from "../../errors/catalog.ts";
import { createDispatcher } from "../../events/dispatcher.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import type { BackgroundWorkServices } from "../services.ts";
import { createBackgroundWorkServices } from "./background-work-services.ts";

const adam: Actor = {
  ...systemActor,
  kind: "person",
  subject: "sub-adam",
  username: "adam",
  name: "Adam",
  grants: [{ role: "admin" }],
  via: { platform: "web" },
};
const olivia: Actor = { ...adam, name: "Olivia", grants: [{ role: "operator" }] };
const ALL = { limit: 50, offset: 0 };

let database: TestDatabase;
let work: BackgroundWorkServices;

beforeEach(async () => {
  // Jobs wait elsewhere on PostgreSQL; what lists them there has its test beside the queue.
  database = await createTestDatabase({
    on: "sqlite",
    subscribers: [{ name: "chat", events: ["environment.unlocked"] }],
  });
  work = createBackgroundWorkServices({
    uow: database.uow,
    jobs: createDeadJobs(database),
    deliveries: createDeadDeliveries(database),
  });
});
afterEach(() => database.close());

/** A refresh whose source control is away, until it gives up. */
async function killJob(number: number): Promise<void> {
  await database.uow.run((tx) => tx.enqueue({ name: "release.refresh", payload: { number } }));
  await database.uow.run((tx) =>
    JobRow.update(
      { status: "dead", attempts: 10, lastError: "git does not answer", key: null },
      { where: { status: "waiting" }, transaction: tx.sequelize },
    ),
  );
}

async function killDelivery(error = "chat does not answer"): Promise<void> {
  await database.uow.run((tx) =>
    tx.emit({
      name: "environment.unlocked",
      payload: { environment: "prod", why: "done" },
      actor: systemActor,
      subject: { kind: "environment", id: "prod" },
    }),
  );
  await database.uow.run((tx) =>
    EventDeliveryRow.update(
      { status: "dead", attempts: 10, lastError: error },
      { where: { status: "due" }, transaction: tx.sequelize },
    ),
  );
}

describe("background work that gave up", () => {
  it("is listed with what it was, what it is about and why it failed, page by page", async () => {
    await killJob(1);
    await killJob(2);
    await killDelivery();

    const { items, total } = await work.list(adam, ALL);

    expect(total).toBe(3);
    expect(items).toMatchObject([
      { kind: "job", name: "release.refresh", about: "number/2", attempts: 10 },
      { kind: "job", name: "release.refresh", about: "number/1", error: "git does not answer" },
      { kind: "delivery", name: "chat", about: "environment/prod", error: "chat does not answer" },
    ]);
    const pages = await Promise.all(
      [0, 1, 2, 3].map((offset) => work.list(adam, { limit: 1, offset })),
    );
    expect(pages.flatMap((page) => page.items)).toEqual(items);
    expect((await work.list(adam, { limit: 2, offset: 1 })).items).toEqual(items.slice(1));
  });

  it("is done when it is retried and the reason is gone, and the audit log tells who retried it", async () => {
    await killJob(7);
    const [item] = (await work.list(adam, ALL)).items;
    const id = item?.id ?? "";

    await work.retry(adam, id);

    const done: unknown[] = [];
    const queue = createWorkQueue({ ...database, timers: database.clock });
    queue.work("release.refresh", { concurrency: 1 }, async (payload) => {
      done.push(payload["number"]);
    });
    await queue.runDue();
    expect(done).toEqual([7]);
    expect((await work.list(adam, ALL)).total).toBe(0);
    const fact = await EventRow.findOne({ where: { name: "work.retried" }, rejectOnEmpty: true });
    expect(fact).toMatchObject({
      actorName: "Adam",
      payload: { work: id, name: "release.refresh", error: "git does not answer" },
    });
    await queue.stop(0);
  });

  it("tells the subscriber that was never told", async () => {
    await killDelivery();
    const [item] = (await work.list(adam, ALL)).items;

    await work.retry(adam, item?.id ?? "");

    const told: string[] = [];
    const dispatcher = createDispatcher({
      deliveries: createEventDeliveries({ ...database, database }),
      subscribers: [
        {
          name: "chat",
          events: ["environment.unlocked"],
          async handle(event) {
            told.push(event.name);
          },
        },
      ],
      clock: database.clock,
      timers: database.clock,
      logger: database.logger,
    });
    await dispatcher.runOnce();
    await dispatcher.stop(0);
    expect(told).toEqual(["environment.unlocked"]);
  });

  it("is retried once when two press at the same time", async () => {
    await killJob(1);
    const [item] = (await work.list(adam, ALL)).items;
    const id = item?.id ?? "";

    const ends = await Promise.allSettled([work.retry(adam, id), work.retry(adam, id)]);

    expect(ends.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await JobRow.count()).toBe(1);
  });

  it.each(["job-999", "delivery-999", "job-0", "job-1; DROP TABLE jobs", "12", "jobs-1", ""])(
    "is not found as %j",
    async (id) => {
      await killJob(1);
      await expect(work.retry(adam, id)).rejects.toBeInstanceOf(WorkNotFound);
    },
  );

  it("stays where it is when nobody takes it any more", async () => {
    await killDelivery(ORPHANED);
    const [item] = (await work.list(adam, ALL)).items;

    await expect(work.retry(adam, item?.id ?? "")).rejects.toBeInstanceOf(WorkUnwanted);

    expect((await work.list(adam, ALL)).total).toBe(1);
  });

  it("is an administrator's business, and attempts of others are recorded", async () => {
    await killJob(1);

    await expect(work.list(olivia, ALL)).rejects.toBeInstanceOf(PermissionDenied);
    await expect(work.retry(olivia, "job-1")).rejects.toBeInstanceOf(PermissionDenied);

    expect(await EventRow.count({ where: { name: "access.denied" } })).toBe(1);
    expect((await JobRow.findOne())?.status).toBe("dead");
  });
});
