// Tells whether dist/ was built from the sources that are here now.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SOURCES = [
  "bot",
  "dashboard",
  "shared",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
];

/** Remembers the sources (path, size, modification time) that dist/ was built from. */
export function writeStamp(root) {
  writeFileSync(join(root, "dist/.build-stamp"), fingerprint(root));
}

/** True when dist/ is missing or any source was added, removed or changed since it was built. */
export function isStale(root) {
  const stamp = join(root, "dist/.build-stamp");
  return !existsSync(stamp) || readFileSync(stamp, "utf8") !== fingerprint(root);
}

function fingerprint(root) {
  const hash = createHash("sha256");
  for (const path of SOURCES.flatMap((source) => list(join(root, source)))) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path.slice(root.length)}\0${size}\0${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function list(path) {
  if (!existsSync(path)) {
    return [];
  }
  if (!statSync(path).isDirectory()) {
    return [path];
  }
  return readdirSync(path)
    .filter((name) => name !== "node_modules" && !name.endsWith(".test.ts"))
    .sort()
    .flatMap((name) => list(join(path, name)));
}
