import { systemActor } from "../../core/actor.ts";
import { createDispatcher } from "../../events/dispatcher.ts";
import { createLogger } from "../../lib/logger.ts";
import { openDatabase, type Database } from "../connect.ts";
import { createEventDeliveries } from "../event-deliveries.ts";
import { migrate } from "../migrate.ts";
import { TeamRow } from "../rows/team.ts";
import { createUnitOfWork } from "../unit-of-work.ts";
import type { UnitOfWork } from "../unit-of-work.types.ts";
import { createWorkQueue } from "../work-queue.ts";

/**
 * A second process that uses the same database, for tests. Prints `ready` before it begins and waits for a line, so that
 * processes begin together. Tasks:
 * - `migrate <url>`
 * - `write <url> <count>` records that many facts in as many units of work.
 * - `count <url> <count>` adds one to the number in the description of the team `counter`, that many times, and records it.
 * - `deliver <url>` begins to deliver to the subscriber `announce`, prints `handling <seq>` and never ends by itself.
 * - `work <url>` runs due `release.refresh` jobs, printing `ran <n>` for each, and ends when none is left.
 */
const [task = "", url = "", count = "0"] = process.argv.slice(2);
const logger = createLogger({ level: "silent" });
const clock = { now: () => new Date() };

process.stdout.write("ready\n");
await new Promise((resolve) => process.stdin.once("data", resolve));

const database = await openDatabase({ url, logger });
const uow = createUnitOfWork({
  database,
  subscribers: [],
  correlationId: () => "second-process",
  clock,
  onCommit: () => undefined,
  logger,
});
switch (task) {
  case "migrate":
    await migrate(database, { logger });
    break;
  case "write":
    await write(uow);
    break;
  case "count":
    await addUp(uow);
    break;
  case "deliver":
    await deliver(database, uow);
    break;
  case "work":
    await work(database, uow);
    break;
  default:
    throw new Error(`unknown task ${task}`);
}
await database.close();
process.exit(0);

async function write(into: UnitOfWork): Promise<void> {
  for (let index = 0; index < Number(count); index += 1) {
    await into.run(async (tx) => {
      await tx.nextNumber("release");
      await tx.emit({
        name: "release.closed",
        payload: { number: index, reason: "second process" },
        actor: systemActor,
        subject: { kind: "release", id: String(index) },
      });
    });
  }
}

async function addUp(into: UnitOfWork): Promise<void> {
  for (let index = 0; index < Number(count); index += 1) {
    await into.run(async (tx) => {
      const row = await TeamRow.findByPk("counter", { transaction: tx.sequelize });
      await row?.update(
        { description: String(Number(row.description) + 1) },
        { transaction: tx.sequelize },
      );
      await tx.emit({
        name: "team.removed",
        payload: { team: "counter" },
        actor: systemActor,
        subject: { kind: "team", id: "counter" },
      });
    });
  }
}

async function deliver(from: Database, through: UnitOfWork): Promise<void> {
  const dispatcher = createDispatcher({
    deliveries: createEventDeliveries({ database: from, uow: through, clock }),
    subscribers: [
      {
        name: "announce",
        events: ["release.closed"],
        async handle(event) {
          process.stdout.write(`handling ${event.seq}\n`);
          await new Promise(() => undefined);
        },
      },
    ],
    clock,
    logger,
  });
  await dispatcher.runOnce();
}

async function work(from: Database, through: UnitOfWork): Promise<void> {
  const queue = createWorkQueue({ sequelize: from.sequelize, uow: through, clock, logger });
  queue.work("release.refresh", { concurrency: 2 }, async (payload) => {
    process.stdout.write(`ran ${String(payload["n"])}\n`);
  });
  await queue.runDue();
}
