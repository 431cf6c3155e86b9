import { systemActor } from "../../core/actor.ts";
import { createLogger } from "../../lib/logger.ts";
import { openDatabase } from "../connect.ts";
import { migrate } from "../migrate.ts";
import { createUnitOfWork } from "../unit-of-work.ts";

/**
 * A second process that uses the same database, for tests: `migrate <url>`, or `write <url> <count>`, which records that many
 * facts in as many units of work. Prints `ready` before it begins and waits for a line, so that processes begin together.
 */
const [task = "", url = "", count = "0"] = process.argv.slice(2);
const logger = createLogger({ level: "silent" });

process.stdout.write("ready\n");
await new Promise((resolve) => process.stdin.once("data", resolve));

const database = await openDatabase({ url, logger });
if (task === "migrate") {
  await migrate(database, { logger });
} else {
  const uow = createUnitOfWork({
    database,
    subscribers: [],
    correlationId: () => "second-process",
    clock: { now: () => new Date() },
    onCommit: () => undefined,
    logger,
  });
  for (let index = 0; index < Number(count); index += 1) {
    await uow.run(async (tx) => {
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
await database.close();
process.exit(0);
