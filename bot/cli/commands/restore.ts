import { resolve } from "node:path";
import { z } from "zod";
import { joinWords, pluralise } from "../../../shared/lib/text.ts";
import { defineCliCommand, EXIT } from "../command.ts";

export const restore = defineCliCommand({
  name: "restore",
  summary: "put the content of a backup in place, while no server runs",
  description: `Unpacks the backup beside the data and proves it first: every byte by its checksum, and that this version can work with its database. Only then it takes its place, the database is brought up to this version, and the audit log is verified.

It refuses while a server runs, and where there is an installation already. With --force what is there is set aside in a folder that is named at the end, and kept until you remove it. Killed at any moment, the next command or start finds what was there before.

People may have to sign in again, and what was done after the backup was made is not known any more. Deployments are compared with what really runs when the server starts.`,
  arguments: [{ form: "<file>", summary: "a file that `slipway backup` wrote" }],
  options: [
    { flags: "--force", summary: "set aside what is there" },
    { flags: "--check", summary: "only prove that the backup is whole; change nothing" },
    { flags: "--json", summary: "answer as JSON" },
  ],
  examples: [
    { line: "slipway restore --check slipway.tar.gz", does: "would it work? Also beside a server" },
    { line: "slipway restore slipway.tar.gz", does: "on a new machine" },
    { line: "slipway restore slipway.tar.gz --force", does: "over an installation that is broken" },
  ],
  exitCodes: {
    ok: "The backup is in place, or whole with --check.",
    problem: "It could not be restored, or its audit log is broken; what happened is printed.",
  },
  input: z.object({
    file: z.string().trim().min(1, "Name the backup."),
    force: z.boolean().default(false),
    check: z.boolean().default(false),
    json: z.boolean().default(false),
  }),
  async run(context, { file, force, check, json }) {
    const [{ loadFor }, installation, restoring, { createDatabaseCopier }, { databaseUrl }] =
      await Promise.all([
        import("../load-config.ts"),
        import("../open-installation.ts"),
        import("../../../shared/backup/restore-backup.ts"),
        import("../../../shared/db/database-copier.ts"),
        import("../../../shared/config/config.ts"),
      ]);
    const { out, clock, cwd, environment, signal } = context;
    const config = loadFor(context);
    const path = resolve(cwd, file);
    const url = databaseUrl(config);
    const copier = createDatabaseCopier(url, environment);
    if (check) {
      const manifest = await restoring.checkBackup({ copier, file: path, signal });
      if (json) {
        out.json({ ok: true, manifest });
      } else {
        out.line(
          `${path} is whole: made ${when(manifest.createdAt)} by Slipway ${manifest.slipway}, ${pluralise(manifest.files.length, "file")}.`,
        );
      }
      return EXIT.ok;
    }

    const found = { migrations: [] as readonly string[], audit: "", isWhole: false };
    const { manifest, keptIn } = await restoring.restoreBackup({
      copier,
      dataDir: config.dataDir,
      file: path,
      mayReplace: force,
      clock,
      signal,
      onProgress: (text) => out.progress(`${text} …`),
      async inspect() {
        const { inspectDatabase } = await import("../inspect-database.ts");
        Object.assign(found, await inspectDatabase(url, installation.quietLogger(config)));
      },
    });
    if (json) {
      out.json({ ok: found.isWhole, restored: manifest, keptIn, ...found });
      return found.isWhole ? EXIT.ok : EXIT.problem;
    }
    out.line(
      `${path} is in place: the state of ${when(manifest.createdAt)}, made by Slipway ${manifest.slipway}.`,
    );
    if (found.migrations.length > 0) {
      out.line(
        `${pluralise(found.migrations.length, "migration")} brought it up to this version: ${joinWords(found.migrations)}.`,
      );
    }
    out.line(
      found.isWhole
        ? `Audit log: ${found.audit}`
        : `${out.style("bad", "The audit log is broken:")} ${found.audit} It was so when the backup was made; look for an older one.`,
    );
    if (keptIn.length > 0) {
      out.line(
        `What was there before is kept in ${joinWords(keptIn)}. Remove it when all is well.`,
      );
    }
    out.line("Start Slipway with `slipway start`.");
    return found.isWhole ? EXIT.ok : EXIT.problem;
  },
});

function when(time: string): string {
  return `${time.slice(0, 16).replace("T", " ")} UTC`;
}
