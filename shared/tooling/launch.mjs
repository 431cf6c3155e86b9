// Starts an entry of dist/ in this very process, building first when the build is missing or stale.
// One process on purpose: a signal to `npm start` reaches the server itself and nothing is left behind.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isStale } from "./build-stamp.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const [entry, ...args] = process.argv.slice(2);

if (hasCompiler() && isStale(root)) {
  process.stderr.write("slipway: building, this takes a few seconds the first time …\n");
  const { status } = spawnSync(process.execPath, [join(root, "shared/tooling/build.mjs")], {
    cwd: root,
    // A command's own output must stay the only thing on standard output.
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) {
    process.exit(status ?? 1);
  }
}

const target = join(root, "dist", entry);
if (!existsSync(target)) {
  process.stderr.write(
    "slipway: there is no build and no compiler. Run `npm ci` (with dev dependencies).\n",
  );
  process.exit(1);
}
process.setSourceMapsEnabled(true);
process.argv = [process.argv[0], target, ...args];
await import(pathToFileURL(target).href);

function hasCompiler() {
  try {
    createRequire(import.meta.url).resolve("typescript/bin/tsc");
    return true;
  } catch {
    return false;
  }
}
