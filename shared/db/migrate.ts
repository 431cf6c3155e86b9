import { DataTypes, QueryTypes, type QueryInterface, type Transaction } from "sequelize";
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
 * that processes starting at once do it once and a failed one leaves nothing behind. Throws DatabaseNewer, having changed
 * nothing, when a migration ran that this version does not know.
 */
export async function migrate(
  database: Database,
  options: { readonly logger: Logger; readonly migrations?: readonly Migration[] },
): Promise<void> {
  const { logger, migrations = allMigrations } = options;
  const schema = database.sequelize.getQueryInterface();

  await database.dialect.exclusively(async (transaction) => {
    const context: Context = { schema, transaction };
    await createMigrationsTable(context);
    const known = new Set(migrations.map((migration) => migration.name));
    const unknown = (await applied(context)).filter((name) => !known.has(name));
    if (unknown.length > 0) {
      throw new DatabaseNewer({ database: database.dialect.location, unknown });
    }
    await new Umzug<Context>({
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
  });
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

async function applied({ schema, transaction }: Context): Promise<string[]> {
  const rows = await schema.sequelize.query<{ name: string }>(
    `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY name`,
    { type: QueryTypes.SELECT, transaction },
  );
  return rows.map((row) => row.name);
}
