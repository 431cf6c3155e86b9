import type { Sequelize } from "sequelize";
import type { Logger } from "../lib/logger.ts";
import { createDialect, type DialectOptions } from "./dialect.ts";
import type { Dialect } from "./dialect.types.ts";
import { bindRows } from "./rows/index.ts";

/** An open database. Row classes are bound to it: one at a time per process. */
export interface Database {
  readonly sequelize: Sequelize;
  readonly dialect: Dialect;
  /** Closes every connection. */
  close(): Promise<void>;
}

/**
 * Opens the database at `url` (`sqlite:<file>`, relative to the working directory, or `postgres://…`) and binds the row classes
 * to it. It does not create tables: that is {@link migrate}. Throws DatabaseUnusable when the place cannot be written, is no
 * database, is damaged, stays locked by another process, cannot be reached, or refuses us.
 */
export async function openDatabase(
  options: DialectOptions & { readonly url: string; readonly logger: Logger },
): Promise<Database> {
  const dialect = createDialect(options.url, options);
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
