import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openDatabase } from "../db/connect.ts";
import { migrate } from "../db/migrate.ts";
import type { Logger } from "../lib/logger.ts";
import { TEMPLATE } from "./postgres-setup.ts";

/** A database of one test. */
export interface NewDatabase {
  /** `sqlite:<file>` or `postgres://…`, for a second process too. */
  readonly url: string;
  /** Removes it; nobody may be connected any more. */
  remove(): Promise<void>;
}

/** The database server the suite runs on; undefined: on SQLite. */
const server = process.env["SLIPWAY_TEST_POSTGRES"];

/** Which database the suite runs on. */
const suite = server === undefined ? "sqlite" : "postgres";

let template: Promise<string> | undefined;

/** A database with nothing in it, not even tables. */
export async function newEmptyDatabase(): Promise<NewDatabase> {
  return server === undefined ? newFile() : newOnServer(server, "template1");
}

/** A migrated database: a copy of one that was made once. On SQLite whatever the suite runs on, if `on` says so. */
export async function newMigratedDatabase(
  logger: Logger,
  on: "sqlite" | "postgres" = suite,
): Promise<NewDatabase> {
  if (server !== undefined && on === "postgres") {
    return newOnServer(server, TEMPLATE);
  }
  template ??= createTemplate(logger);
  return newFile(await template);
}

function newFile(copyOf?: string): NewDatabase {
  const folder = mkdtempSync(join(tmpdir(), "slipway-db-"));
  const file = join(folder, "slipway.db");
  if (copyOf !== undefined) {
    copyFileSync(copyOf, file);
  }
  return {
    url: `sqlite:${file}`,
    async remove() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function newOnServer(admin: string, from: string): Promise<NewDatabase> {
  const name = `t_${randomUUID().replaceAll("-", "")}`;
  await run(admin, `CREATE DATABASE ${name} TEMPLATE ${from}`);
  const url = new URL(admin);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    remove: () => run(admin, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}

async function run(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function createTemplate(logger: Logger): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-db-template-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "template.db");
  const database = await openDatabase({ url: `sqlite:${file}`, logger });
  await migrate(database, { logger });
  // The last connection to close moves everything into the file itself, so that one file is the whole database.
  await database.close();
  return file;
}
