import type { Sequelize } from "sequelize";
import type { Logger } from "../lib/logger.ts";
import { createDialect, type Dialect } from "./dialect.ts";
import { bindRows } from "./rows/index.ts";

/** An open database. Row classes are bound to it: one at a time per process. */
export interface Database {
  readonly sequelize: Sequelize;
  readonly dialect: Dialect;
  /** Closes every connection. */
  close(): Promise<void>;
}

/**
 * Opens the database at `url` (`sqlite:<file>`, relative to the working directory) and binds the row classes to it. It does
 * not create tables: that is {@link migrate}. Throws DatabaseUnusable when the place cannot be written, is no database, is
 * damaged, or stays locked by another process.
 */
export async function openDatabase(options: {
  readonly url: string;
  readonly logger: Logger;
  /** Longest wait for another process that writes; ten seconds by default. */
  readonly busyTimeoutMs?: number;
}): Promise<Database> {
  const { url, busyTimeoutMs } = options;
  const dialect = createDialect(url, busyTimeoutMs === undefined ? {} : { busyTimeoutMs });
  try {
    await dialect.probe();
  } catch (error) {
    await dialect.close();
    throw error;
  }
  bindRows(dialect.sequelize);
  options.logger.debug({ database: dialect.location }, "database opened");
  return { sequelize: dialect.sequelize, dialect, close: () => dialect.close() };
}
