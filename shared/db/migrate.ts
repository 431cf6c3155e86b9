import {
  DataTypes,
  QueryTypes,
  type QueryInterface,
  type Sequelize,
  type Transaction,
} from "sequelize";
import { Umzug } from "umzug";
import { DatabaseNewer } from "../errors/catalog.ts";
import type { Logger } from "../lib/logger.ts";
import type { Database } from "./connect.ts";
import { migrations as allMigrations } from "./migrations/index.ts";
import type { Migration } from "./migrations/migration.ts";

/** Remembers which migrations ran. Made here and not by a migration, because it must exist before the first. */
export const MIGRATIONS_TABLE = "schema_migrations";

interface Context {
  readonly schema: QueryInterface;
  readonly transaction: Transaction;
}

/**
 * Brings the tables up to this version: every missing migration, in order, in one transaction under the database's lock, so
 * that processes starting at once do it once and a failed one leaves nothing behind. Answers with the names of those that
 * ran. Throws DatabaseNewer, having changed nothing, when a migration ran that this version does not know.
 */
export async function migrate(
  database: Database,
  options: { readonly logger: Logger; readonly migrations?: readonly Migration[] },
): Promise<readonly string[]> {
  const { logger, migrations = allMigrations } = options;
  const schema = database.sequelize.getQueryInterface();

  return database.dialect.exclusively(async (transaction) => {
    const context: Context = { schema, transaction };
    await createMigrationsTable(context);
    const known = new Set(migrations.map((migration) => migration.name));
    const unknown = (await applied(context)).filter((name) => !known.has(name));
    if (unknown.length > 0) {
      throw new DatabaseNewer({ database: database.dialect.location, unknown });
    }
    const ran = await new Umzug<Context>({
      context,
      logger: undefined,
      migrations: migrations.map((migration) => ({
        name: migration.name,
        async up() {
          logger.info({ migration: migration.name }, "applying migration");
          await migration.up(schema, transaction);
          await database.dialect.settleTables(transaction);
        },
      })),
      storage: {
        executed: (step) => applied(step.context),
        async logMigration({ name }) {
          await schema.bulkInsert(MIGRATIONS_TABLE, [{ name, applied_at: new Date() }], {
            transaction,
          });
        },
        // Migrations go forward only.
        unlogMigration: () => Promise.reject(new Error("migrations are never undone")),
      },
    }).up();
    await database.dialect.openJobs({ logger }).prepare(transaction);
    return ran.map((migration) => migration.name);
  });
}

/** What {@link migrate} would do, without doing it. */
export interface MigrationPlan {
  /** Names of migrations that ran, oldest first. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Those that ran and that this version does not know. */
  readonly unknown: readonly string[];
}

/** Reads what ran and compares it with what this version has. Changes nothing. */
export async function planMigrations(
  database: Database,
  migrations: readonly Migration[] = allMigrations,
): Promise<MigrationPlan> {
  const ran = (await database.sequelize.getQueryInterface().tableExists(MIGRATIONS_TABLE))
    ? await namesOf(database.sequelize)
    : [];
  return compareMigrations(ran, migrations);
}

/** The same for migrations that ran elsewhere, e.g. in a backup. */
export function compareMigrations(
  ran: readonly string[],
  migrations: readonly Migration[] = allMigrations,
): MigrationPlan {
  const known = migrations.map((migration) => migration.name);
  return {
    applied: ran,
    pending: known.filter((name) => !ran.includes(name)),
    unknown: ran.filter((name) => !known.includes(name)),
  };
}

async function createMigrationsTable({ schema, transaction }: Context): Promise<void> {
  await schema.createTable(
    MIGRATIONS_TABLE,
    {
      name: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
      applied_at: { type: DataTypes.DATE, allowNull: false },
    },
    { transaction },
  );
}

function applied({ schema, transaction }: Context): Promise<string[]> {
  return namesOf(schema.sequelize, transaction);
}

async function namesOf(sequelize: Sequelize, transaction?: Transaction): Promise<string[]> {
  const rows = await sequelize.query<{ name: string }>(
    `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY name`,
    { type: QueryTypes.SELECT, ...(transaction && { transaction }) },
  );
  return rows.map((row) => row.name);
}
