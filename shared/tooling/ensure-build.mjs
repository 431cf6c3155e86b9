// Builds dist/ when it is missing or older than the sources, where the compiler is installed.
import { createRequire } from "node:module";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { isStale } from "./build-stamp.mjs";

/** Ends this process with the build's exit code when it fails. */
export function ensureBuild(root) {
  if (!hasCompiler() || !isStale(root)) {
    return;
  }
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

function hasCompiler() {
  try {
    createRequire(import.meta.url).resolve("typescript/bin/tsc");
    return true;
  } catch {
    return false;
  }
}
