// Builds the server (plain tsc emit) and the pages (vite) into dist/, then stamps what was built.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rmSync } from "node:fs";
import { writeStamp } from "./build-stamp.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);

rmSync(join(root, "dist"), { recursive: true, force: true });
run("typescript/bin/tsc", ["-p", "shared/tooling/tsconfig.build.json"]);
run(join(dirname(require.resolve("vite/package.json")), "bin/vite.js"), [
  "build",
  "--config",
  "dashboard/web/vite.config.ts",
  "--logLevel",
  "warn",
]);
writeStamp(root);

function run(script, args) {
  const path = script.startsWith("/") ? script : require.resolve(script);
  const { status } = spawnSync(process.execPath, [path, ...args], { cwd: root, stdio: "inherit" });
  if (status !== 0) {
    console.error("slipway: the build failed; see the messages above.");
    process.exit(status ?? 1);
  }
}
