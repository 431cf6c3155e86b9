import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueryTypes, type Transaction } from "sequelize";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../lib/logger.ts";
import { createTestDatabase } from "../testing/test-database.ts";
import { openDatabase } from "./connect.ts";

const logger = createLogger({ level: "silent" });
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-connect-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe(openDatabase.name, () => {
  it("makes the folders that are missing", async () => {
    const database = await openDatabase({ url: `sqlite:${folder}/a/b/slipway.db`, logger });
    expect(database.dialect.location).toBe(`${folder}/a/b/slipway.db`);
    await database.close();
  });

  it("gives every connection the same settings", async () => {
    const database = await createTestDatabase({ on: "sqlite" });
    const settings = async (transaction: Transaction | null) => ({
      journal: await pragma("journal_mode", transaction),
      synchronous: await pragma("synchronous", transaction),
      foreignKeys: await pragma("foreign_keys", transaction),
      busyTimeout: await pragma("busy_timeout", transaction),
    });
    async function pragma(name: string, transaction: Transaction | null) {
      const [row] = await database.sequelize.query<Record<string, unknown>>(`PRAGMA ${name}`, {
        type: QueryTypes.SELECT,
        transaction,
      });
      return Object.values(row ?? {})[0];
    }
    const expected = { journal: "wal", synchronous: 1, foreignKeys: 1, busyTimeout: 10_000 };

    expect(await settings(null)).toEqual(expected);
    expect(await database.uow.run((tx) => settings(tx.sequelize))).toEqual(expected);
    expect(await database.sequelize.transaction((own) => settings(own))).toEqual(expected);
    await database.close();
  });

  it.each([
    ["mysql://dana:secret@db/slipway", /only sqlite:<file> and postgres:/],
    ["sqlite::memory:", /only sqlite:<file> and postgres:/],
    ["sqlite:", /only sqlite:<file> and postgres:/],
    ["postgres://dana:secret@db/", /names no database/],
    ["postgres://dana:secret@db/slipway?sslmode=prefer", /sslmode=prefer cannot be used/],
    ["postgres://dana:secret@db/slipway?poll=3", /parameters nobody knows here: poll/],
    ["postgres://dana:secr/et@db/slipway", /cannot be read|names no database/],
  ])("refuses %s and keeps the password to itself", async (url, why) => {
    const refused = openDatabase({ url, logger });
    await expect(refused).rejects.toThrow(why);
    await expect(refused).rejects.not.toThrow(/secret/);
    await expect(refused).rejects.toMatchObject({ code: "database.unusable" });
  });

  it("refuses a file that is no database and leaves it alone", async () => {
    const file = join(folder, "notes.txt");
    writeFileSync(file, "this is no database, ".repeat(500));
    await expect(openDatabase({ url: `sqlite:${file}`, logger })).rejects.toMatchObject({
      code: "database.unusable",
      message: `The database ${file} cannot be used: the file is not an SQLite database.`,
      remedy: "Name another file in database.url, or restore a backup.",
    });
  });

  it("is for one server at a time, until that one has closed it", async () => {
    const url = `sqlite:${folder}/slipway.db`;
    const first = await openDatabase({ url, logger });
    const second = await openDatabase({ url, logger });
    expect(await first.dialect.claimSoleUse()).toBe(true);
    expect(await first.dialect.claimSoleUse()).toBe(true);
    await expect(second.dialect.claimSoleUse()).rejects.toMatchObject({ code: "database.in_use" });
    await first.close();

    expect(await second.dialect.claimSoleUse()).toBe(true);
    await second.close();
  });

  it("refuses a folder that cannot be written", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(
      openDatabase({ url: `sqlite:${folder}/file/slipway.db`, logger }),
    ).rejects.toMatchObject({
      code: "database.unusable",
      message: expect.stringContaining(`the folder ${folder}/file cannot be written`) as string,
    });
  });

  it("refuses a file that cannot be opened", async () => {
    await expect(openDatabase({ url: `sqlite:${folder}`, logger })).rejects.toMatchObject({
      code: "database.unusable",
      message: expect.stringContaining("the file cannot be opened") as string,
    });
  });

  it("refuses a database that another connection keeps locked", async () => {
    const holder = await openDatabase({ url: `sqlite:${folder}/slipway.db`, logger });
    const session = await holder.dialect.openSession();
    await expect(
      openDatabase({ url: `sqlite:${folder}/slipway.db`, logger, busyTimeoutMs: 1 }),
    ).rejects.toMatchObject({
      code: "database.unusable",
      message: expect.stringContaining("another process keeps it locked") as string,
    });
    await session.abandon();
    await holder.close();
  });
});
