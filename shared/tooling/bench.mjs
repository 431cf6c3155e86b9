// Runs the benchmark on the built product: builds when stale, installs the peers it is compared with once.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ensureBuild } from "./ensure-build.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const peers = join(root, "shared/bench/peers");

ensureBuild(root);
if (!arePeersInstalled()) {
  process.stderr.write("slipway: installing the peers of the benchmark …\n");
  const install = ["ci", "--prefix", peers, "--no-audit", "--no-fund"];
  const { status } = spawnSync("npm", install, { cwd: peers, stdio: ["ignore", 2, 2] });
  if (status !== 0) {
    process.stderr.write(
      "slipway: the peers could not be installed; scenarios that need them will say so.\n",
    );
  }
}
const { status } = spawnSync(
  process.execPath,
  ["--import", "tsx", join(root, "shared/bench/bench.ts"), ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
process.exit(status ?? 1);

/** npm keeps a copy of the lock file it installed from. */
function arePeersInstalled() {
  const installed = join(peers, "node_modules/.package-lock.json");
  if (!existsSync(installed)) {
    return false;
  }
  const wanted = JSON.parse(readFileSync(join(peers, "package-lock.json"), "utf8")).packages;
  const have = JSON.parse(readFileSync(installed, "utf8")).packages;
  return Object.entries(wanted).every(
    ([path, { version }]) => path === "" || have[path]?.version === version,
  );
}
