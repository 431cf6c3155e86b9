// Starts an entry of dist/ in this very process, building first when the build is missing or stale.
// One process on purpose: a signal to `npm start` reaches the server itself and nothing is left behind.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ensureBuild } from "./ensure-build.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const [entry, ...args] = process.argv.slice(2);

ensureBuild(root);

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
