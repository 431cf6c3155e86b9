import { readdirSync } from "node:fs";
import { DataTypes, QueryTypes, type Model, type ModelStatic } from "sequelize";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLogger } from "../lib/logger.ts";
import { systemActor } from "../core/actor.ts";
import { startProcess } from "../testing/child-process.ts";
import { newEmptyDatabase, type NewDatabase } from "../testing/new-database.ts";
import { createTestDatabase } from "../testing/test-database.ts";
import { openDatabase, type Database } from "./connect.ts";
import { MIGRATIONS_TABLE, migrate } from "./migrate.ts";
import { migrations } from "./migrations/index.ts";
import type { Migration } from "./migrations/migration.ts";
import { EventRow } from "./rows/event.ts";
import { rows } from "./rows/index.ts";

const logger = createLogger({ level: "silent" });
const rowClasses: readonly ModelStatic<Model>[] = rows;
let place: NewDatabase;
let database: Database | undefined;

beforeEach(async () => {
  place = await newEmptyDatabase();
});
afterEach(async () => {
  await database?.close();
  database = undefined;
  await place.remove();
});

async function open(): Promise<Database> {
  database = await openDatabase({ url: place.url, logger });
  return database;
}

async function applied(from: Database): Promise<string[]> {
  const names = await from.sequelize.query<{ name: string }>(
    `SELECT name FROM ${MIGRATIONS_TABLE}`,
    {
      type: QueryTypes.SELECT,
    },
  );
  return names.map((row) => row.name);
}

describe(migrate.name, () => {
  it("makes every table from nothing, and nothing the second time", async () => {
    const fresh = await open();
    await migrate(fresh, { logger });
    await migrate(fresh, { logger });

    expect(await applied(fresh)).toEqual(migrations.map((migration) => migration.name));
    const tables = await fresh.sequelize.getQueryInterface().showAllTables();
    // FTS5 of SQLite keeps its index in tables of its own.
    expect(tables.filter((name) => !name.startsWith("search_index")).sort()).toEqual(
      [...rows.map((row) => row.getTableName()), MIGRATIONS_TABLE].sort(),
    );
  });

  it("runs once when two processes start at once", async () => {
    const processes = [1, 2].map(() =>
      startProcess("shared/db/testing/database-process.ts", ["migrate", place.url]),
    );
    await Promise.all(processes.map((each) => each.line((line) => line === "ready")));
    processes.forEach((each) => each.send("go"));
    const ends = await Promise.all(processes.map((each) => each.ended));

    expect(ends).toEqual([
      { code: 0, stderr: "" },
      { code: 0, stderr: "" },
    ]);
    expect(await applied(await open())).toEqual(migrations.map((migration) => migration.name));
  });

  it("refuses a database from a newer version and changes nothing", async () => {
    const newer = await open();
    const later = {
      name: "2099-01-01-add-wings",
      up: () => Promise.resolve(),
    };
    await migrate(newer, { logger, migrations: [...migrations, later] });
    const added = { name: "2026-12-01-add-wheels", up: () => Promise.reject(new Error("ran")) };

    await expect(
      migrate(newer, { logger, migrations: [...migrations, added] }),
    ).rejects.toMatchObject({ code: "database.newer", data: { unknown: [later.name] } });
    expect(await applied(newer)).toContain(later.name);
  });

  it("leaves nothing of a migration that fails", async () => {
    const fresh = await open();
    const broken: Migration = {
      name: "2099-01-01-break",
      async up(schema, transaction) {
        await schema.createTable("half", { id: DataTypes.INTEGER }, { transaction });
        throw new Error("broken on purpose");
      },
    };
    await expect(migrate(fresh, { logger, migrations: [broken] })).rejects.toThrow(
      /broken on purpose/,
    );
    expect(await fresh.sequelize.getQueryInterface().showAllTables()).toEqual([]);
  });
});

describe("rows and migrations", () => {
  it.each(rowClasses.map((row) => [row.name, row] as const))(
    "%s has exactly the columns of its table",
    async (_name, row) => {
      const fresh = await open();
      await migrate(fresh, { logger });
      const columns = await fresh.sequelize.getQueryInterface().describeTable(row.getTableName());
      const attributes = Object.values(row.getAttributes());

      expect(attributes.map((attribute) => attribute.field).sort()).toEqual(
        Object.keys(columns).sort(),
      );
      for (const attribute of attributes) {
        const column = columns[attribute.field ?? ""];
        expect([attribute.field, column?.primaryKey]).toEqual([
          attribute.field,
          attribute.primaryKey === true,
        ]);
        if (attribute.primaryKey !== true) {
          expect([attribute.field, column?.allowNull]).toEqual([
            attribute.field,
            attribute.allowNull !== false,
          ]);
        }
      }
    },
  );

  it.each(rowClasses.map((row) => [row.name, row] as const))(
    "%s declares its attributes without hiding them",
    async (_name, row) => {
      await open();
      const values = Object.fromEntries(
        Object.keys(row.getAttributes()).map((name) => [name, `value of ${name}`]),
      );
      // A class field that is not only declared hides the attribute behind undefined.
      const built: object = Reflect.construct(row, [values, { raw: true }]) as object;
      expect(Object.keys(built).filter((key) => key in values)).toEqual([]);
      expect(
        Object.fromEntries(Object.keys(values).map((key) => [key, Reflect.get(built, key)])),
      ).toEqual(values);
    },
  );

  it("are all registered", () => {
    expect(files("rows")).toEqual(
      rows.map((row) => `${kebab(row.name.replace(/Row$/, ""))}`).sort(),
    );
    expect(files("migrations").filter((name) => name !== "migration")).toEqual(
      migrations.map((migration) => migration.name),
    );
  });
});

function files(name: string): string[] {
  return readdirSync(new URL(name, import.meta.url))
    .filter((file) => file !== "index.ts")
    .map((file) => file.replace(/\.ts$/, ""))
    .sort();
}

function kebab(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
}

describe("the log of facts", () => {
  it.each(["UPDATE events SET actor_name = 'Mallory'", "DELETE FROM events"])(
    "refuses %s, whoever asks",
    async (sql) => {
      const db = await createTestDatabase();
      await db.uow.run((tx) =>
        tx.emit({
          name: "release.closed",
          payload: { number: 1, reason: "done" },
          actor: systemActor,
          subject: { kind: "release", id: "1" },
        }),
      );
      await expect(db.sequelize.query(sql)).rejects.toMatchObject({
        parent: { message: expect.stringContaining("never changed or removed") as string },
      });
      expect(await EventRow.count({ where: { actorName: systemActor.name } })).toBe(1);
      await db.close();
    },
  );
});
