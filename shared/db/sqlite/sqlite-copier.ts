import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import sqlite3 from "sqlite3";
import { BackupFailed, BackupUnusable } from "../../errors/catalog.ts";
import type { FileCopier } from "../database-copier.ts";
import { MIGRATIONS_TABLE } from "../migrate.ts";
import { createSqliteDialect, storageFault } from "./sqlite-dialect.ts";

/** A copy only reads, so it waits for a checkpoint at most. */
const BUSY_TIMEOUT_MS = 10_000;

/** Copies by `VACUUM INTO`: one read transaction, so that writers go on, and what comes out has no gaps and no log. */
export function createSqliteCopier(file: string): FileCopier {
  return {
    kind: "file",
    location: file,
    copyName: "database.sqlite",
    file,
    companions: [`${file}-wal`, `${file}-shm`],
    isThere: () => Promise.resolve(existsSync(file)),

    async copy(to, signal) {
      try {
        await withConnection(file, sqlite3.OPEN_READWRITE, async (connection) => {
          const interrupt = () => connection.interrupt();
          signal.addEventListener("abort", interrupt, { once: true });
          try {
            await run(connection, "VACUUM INTO ?", [to]);
          } finally {
            signal.removeEventListener("abort", interrupt);
          }
        });
      } catch (error) {
        signal.throwIfAborted();
        const fault = storageFault(error);
        throw new BackupFailed(
          {
            what: `The database ${file} cannot be copied`,
            why: fault?.data.why ?? (error instanceof Error ? error.message : String(error)),
          },
          { cause: error, ...(fault?.remedy === undefined ? {} : { remedy: fault.remedy }) },
        );
      }
    },

    async migrationsOf(copy) {
      try {
        return await withConnection(copy, sqlite3.OPEN_READONLY, async (connection) => {
          const [answer] = await all(connection, "PRAGMA quick_check(1)");
          if (answer?.["quick_check"] !== "ok") {
            throw new Error(String(answer?.["quick_check"]));
          }
          const rows = await all(connection, `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY name`);
          return rows.map((row) => String(row["name"]));
        });
      } catch (error) {
        throw new BackupUnusable(
          { file: copy, why: "the database in it is damaged, or not one of Slipway" },
          { cause: error },
        );
      }
    },

    async keepOut() {
      mkdirSync(dirname(file), { recursive: true });
      const dialect = createSqliteDialect(file);
      await dialect.claimSoleUse();
      return () => dialect.close();
    },
  };
}

async function withConnection<T>(
  file: string,
  mode: number,
  work: (connection: sqlite3.Database) => Promise<T>,
): Promise<T> {
  const connection = await new Promise<sqlite3.Database>((done, fail) => {
    const opened: sqlite3.Database = new sqlite3.Database(file, mode, (error) =>
      error ? fail(error) : done(opened),
    );
  });
  connection.configure("busyTimeout", BUSY_TIMEOUT_MS);
  try {
    return await work(connection);
  } finally {
    await new Promise((done) => connection.close(done));
  }
}

function run(connection: sqlite3.Database, sql: string, values: unknown[]): Promise<void> {
  return new Promise((done, fail) => {
    connection.run(sql, values, (error) => (error ? fail(error) : done()));
  });
}

function all(
  connection: sqlite3.Database,
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return new Promise((done, fail) => {
    connection.all<Record<string, unknown>>(sql, (error, rows) =>
      error ? fail(error) : done(rows),
    );
  });
}
