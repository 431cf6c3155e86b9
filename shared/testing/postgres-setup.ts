import { openDatabase } from "../db/connect.ts";
import { migrate } from "../db/migrate.ts";
import { createLogger } from "../lib/logger.ts";
import { startPostgres } from "./postgres.ts";

/** The database every test starts from; see `createTestDatabase`. */
export const TEMPLATE = "slipway_template";

/**
 * One server for a whole test run, with a migrated template that each test copies. Its workers find it by the environment, like
 * the processes that tests start.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const cluster = await startPostgres();
  const logger = createLogger({ level: "silent" });
  await cluster.createDatabase(TEMPLATE);
  const database = await openDatabase({ url: cluster.url(TEMPLATE), logger });
  await migrate(database, { logger });
  await database.close();
  process.env["SLIPWAY_TEST_DATABASE"] = "postgres";
  process.env["SLIPWAY_TEST_POSTGRES"] = cluster.url("postgres");
  return () => cluster.remove();
}
