// Restores a backup and stops dead at the given number of renames, as if the plug were pulled there.
import { writeSync } from "node:fs";
import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

const [url = "", dataDir = "", file = "", stopAt = ""] = process.argv.slice(2);
let changes = 0;

for (const name of ["rename"] as const) {
  const original = fs[name] as (...args: unknown[]) => Promise<unknown>;
  Object.assign(fs, {
    [name]: async (...args: unknown[]) => {
      changes += 1;
      if (changes === Number(stopAt)) {
        writeSync(1, `stopped before ${name} ${String(args[0])}\n`);
        process.kill(process.pid, "SIGKILL");
        await new Promise(() => undefined);
      }
      return original(...args);
    },
  });
}
syncBuiltinESMExports();

const { createDatabaseCopier } = await import("../../db/database-copier.ts");
const { restoreBackup } = await import("../restore-backup.ts");
await restoreBackup({
  copier: createDatabaseCopier(url, {}),
  dataDir,
  file,
  mayReplace: true,
  clock: { now: () => new Date() },
  signal: new AbortController().signal,
  onProgress: () => undefined,
  inspect: () => Promise.resolve(),
});
writeSync(1, "done\n");
