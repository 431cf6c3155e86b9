import { createAuditServices } from "../../shared/app/audit/audit-services.ts";
import { systemActor } from "../../shared/core/actor.ts";
import { openDatabase } from "../../shared/db/connect.ts";
import { migrate } from "../../shared/db/migrate.ts";
import type { Logger } from "../../shared/lib/logger.ts";

/** What was found in a database that has just been restored, after it was brought up to this version. */
export async function inspectDatabase(
  url: string,
  logger: Logger,
): Promise<{
  readonly migrations: readonly string[];
  /** What verifying the audit log said. */
  readonly audit: string;
  readonly isWhole: boolean;
}> {
  const database = await openDatabase({ url, logger });
  try {
    const migrations = await migrate(database, { logger });
    const { ok, detail } = await createAuditServices().verify(systemActor);
    return { migrations, audit: detail, isWhole: ok };
  } finally {
    await database.close();
  }
}
