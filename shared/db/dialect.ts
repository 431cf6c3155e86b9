import { resolve } from "node:path";
import { DatabaseUnusable } from "../errors/catalog.ts";
import type { Dialect } from "./dialect.types.ts";
import { readPostgresUrl, withoutPassword } from "./postgres/postgres-address.ts";
import { createPostgresDialect } from "./postgres/postgres-dialect.ts";
import { createSqliteDialect } from "./sqlite/sqlite-dialect.ts";

/** How the database is used; each engine takes what it knows. */
export interface DialectOptions {
  /** Longest wait for another process that writes, e.g. `slipway token` beside the server; 10 s by default. */
  readonly busyTimeoutMs?: number | undefined;
  /** PostgreSQL: most connections of this process; 10 by default. */
  readonly poolSize?: number | undefined;
  /** PostgreSQL: longest wait for a connection to be made; 10 s by default. */
  readonly connectTimeoutMs?: number | undefined;
  /** PostgreSQL: longest time for one statement; 30 s by default. */
  readonly statementTimeoutMs?: number | undefined;
  /** PostgreSQL: how long a transaction may do nothing before the server ends it; 30 s by default. */
  readonly idleInTransactionTimeoutMs?: number | undefined;
}

/** Finds the dialect of a database URL and connects lazily. Throws DatabaseUnusable for a URL that cannot be served. */
export function createDialect(url: string, options: DialectOptions = {}): Dialect {
  const file = sqliteFile(url);
  if (file !== undefined) {
    return createSqliteDialect(file, options);
  }
  if (/^postgres(?:ql)?:/.test(url)) {
    return createPostgresDialect(readPostgresUrl(url), options);
  }
  throw new DatabaseUnusable(
    {
      database: withoutPassword(url),
      why: "only sqlite:<file> and postgres://<host>/<database> can be used",
    },
    {
      remedy:
        "Set database.url to something like sqlite:./data/slipway.db or postgres://slipway@localhost/slipway.",
    },
  );
}

/** The absolute file of `sqlite:<path>`; undefined when the URL is of another kind. */
export function sqliteFile(url: string): string | undefined {
  const path = /^sqlite:(?:\/\/)?(.+)$/.exec(url)?.[1];
  // A database in memory has a single connection: nothing could be read while something is written.
  return path === undefined || path.startsWith(":memory:") ? undefined : resolve(path);
}
