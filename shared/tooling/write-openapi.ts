// Writes dashboard/server/openapi.json from the routes; with --check, only says whether it is current.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { printOpenApiDocument } from "../../dashboard/server/openapi.ts";
import { routes } from "../../dashboard/server/routes/index.ts";

const path = fileURLToPath(new URL("../../dashboard/server/openapi.json", import.meta.url));
const document = printOpenApiDocument(routes);

if (!process.argv.includes("--check")) {
  writeFileSync(path, document);
} else if (readCurrent() !== document) {
  process.stderr.write(
    "dashboard/server/openapi.json does not fit the routes. Run `npm run openapi` and commit it.\n",
  );
  process.exitCode = 1;
}

function readCurrent(): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
