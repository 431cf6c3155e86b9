import { z } from "zod";
import { databaseUrl } from "../../../shared/config/config.ts";
import { DatabaseNewer } from "../../../shared/errors/catalog.ts";
import { pluralise } from "../../../shared/lib/text.ts";
import { defineCliCommand, EXIT } from "../command.ts";

export const migrate = defineCliCommand({
  name: "migrate",
  summary: "bring the database up to this version",
  description: `Runs every missing migration, in order, in one transaction: either all of them happened or none. The server does the same at every start, so this is for those who want to see it happen by itself.

It is safe beside a running server and beside another migrate: only one at a time works, under a lock of the database. A database of a newer version is refused and left alone. Take a backup first; migrations only go forward.`,
  options: [
    { flags: "--dry-run", summary: "list what would run, and change nothing" },
    { flags: "--json", summary: "answer as JSON" },
  ],
  examples: [
    { line: "slipway migrate --dry-run", does: "what an update would do to the database" },
    { line: "slipway migrate", does: "do it" },
  ],
  exitCodes: {
    ok: "The database is up to date, or would be after what was listed.",
    problem: "The database cannot be used, or was made by a newer version.",
  },
  input: z.object({ dryRun: z.boolean().default(false), json: z.boolean().default(false) }),
  async run(context, { dryRun, json }) {
    const [{ loadFor }, { quietLogger, recoverFor }, copying, { openDatabase }, migrations] =
      await Promise.all([
        import("../load-config.ts"),
        import("../open-installation.ts"),
        import("../../../shared/db/database-copier.ts"),
        import("../../../shared/db/connect.ts"),
        import("../../../shared/db/migrate.ts"),
      ]);
    const { out } = context;
    const config = loadFor(context);
    await recoverFor(config, context);
    const copier = copying.createDatabaseCopier(databaseUrl(config), context.environment);
    if (dryRun && !(await copier.isThere())) {
      // Opening it would make it.
      report(migrations.compareMigrations([]), `There is nothing in ${copier.location} yet.`);
      return EXIT.ok;
    }
    const logger = quietLogger(config);
    const database = await openDatabase({ url: databaseUrl(config), logger });
    try {
      const plan = await migrations.planMigrations(database);
      if (plan.unknown.length > 0) {
        throw new DatabaseNewer({
          database: database.dialect.location,
          unknown: plan.unknown,
        });
      }
      if (dryRun) {
        report(plan);
        return EXIT.ok;
      }
      const ran = await migrations.migrate(database, { logger });
      if (json) {
        out.json({ ran });
      } else {
        ran.forEach((name) => out.line(`  ${name}`));
        out.line(
          ran.length === 0
            ? "The database is up to date."
            : `${pluralise(ran.length, "migration")} ran; the database is up to date.`,
        );
      }
    } finally {
      await database.close();
    }
    return EXIT.ok;

    function report(plan: { readonly pending: readonly string[] }, before?: string): void {
      const { pending } = plan;
      if (json) {
        out.json({ pending });
        return;
      }
      if (before !== undefined) {
        out.line(before);
      }
      out.line(
        pending.length === 0
          ? "Nothing would run: the database is up to date."
          : `${pluralise(pending.length, "migration")} would run:`,
      );
      pending.forEach((name) => out.line(`  ${name}`));
    }
  },
});
