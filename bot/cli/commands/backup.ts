import { resolve } from "node:path";
import { z } from "zod";
import { formatBytes, joinWords, pluralise } from "../../../shared/lib/text.ts";
import { readVersion } from "../../../shared/lib/version.ts";
import { defineCliCommand } from "../command.ts";

export const backup = defineCliCommand({
  name: "backup",
  summary: "write everything that cannot be made again into one file, while the server runs",
  description: `Writes a compressed archive with a copy of the database of one moment and the secret keys of the data folder. The server goes on meanwhile; nobody has to wait. SQLite is copied by VACUUM INTO, PostgreSQL by pg_dump, whose password goes through the environment.

The file can only be read by its owner, and appears under its name when it is whole and on the disk. It holds what unseals the database: keep it as carefully as a password. Not in it: config.yaml and the files it names, mirrors of repositories (they are fetched again), and what others put into the data folder, which is named.`,
  arguments: [{ form: "<file>", summary: "where to write, e.g. slipway.tar.gz" }],
  options: [
    { flags: "--force", summary: "replace a file that is there" },
    { flags: "--json", summary: "answer as JSON" },
  ],
  examples: [
    { line: "slipway backup /backup/slipway.tar.gz", does: "once" },
    { line: 'slipway backup "/backup/slipway-$(date +%F).tar.gz"', does: "every night, from cron" },
  ],
  exitCodes: {
    ok: "The backup is whole and on the disk.",
    problem: "It could not be written; nothing was changed.",
  },
  input: z.object({
    file: z.string().trim().min(1, "Name the file to write."),
    force: z.boolean().default(false),
    json: z.boolean().default(false),
  }),
  async run(context, { file, force, json }) {
    const [
      { loadFor },
      { recoverFor },
      { createBackup },
      { createDatabaseCopier },
      { databaseUrl },
    ] = await Promise.all([
      import("../load-config.ts"),
      import("../open-installation.ts"),
      import("../../../shared/backup/create-backup.ts"),
      import("../../../shared/db/database-copier.ts"),
      import("../../../shared/config/config.ts"),
    ]);
    const { out, clock, cwd, environment, signal } = context;
    const config = loadFor(context);
    await recoverFor(config, context);
    const made = await createBackup({
      copier: createDatabaseCopier(databaseUrl(config), environment),
      dataDir: config.dataDir,
      withSample: config.file === null,
      file: resolve(cwd, file),
      mayReplace: force,
      version: readVersion(),
      clock,
      signal,
      onProgress: (text) => out.progress(`${text} …`),
    });
    const { files, database } = made.manifest;
    if (json) {
      const { bytes, leftOut, manifest } = made;
      out.json({ file: made.file, bytes, createdAt: manifest.createdAt, leftOut, manifest });
      return;
    }
    out.line(
      `${made.file} (${formatBytes(made.bytes)}): the database and ${pluralise(files.length - 1, "file")} of the data folder, at ${pluralise(database.migrations.length, "migration")}.`,
    );
    out.line("It holds secrets: keep it as carefully as a password.");
    if (config.file !== null) {
      out.line(`Not in it: ${config.file} and the files it names.`);
    }
    if (made.leftOut.length > 0) {
      out.line(
        `Not in it either: ${joinWords(made.leftOut)} in ${config.dataDir}, which Slipway did not put there.`,
      );
    }
  },
});
