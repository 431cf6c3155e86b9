// Writes shared/docs/command-line.md from the commands there are.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { commands } from "../../bot/cli/commands/index.ts";
import { writeReference } from "../../bot/cli/reference.ts";

writeFileSync(
  fileURLToPath(new URL("../docs/command-line.md", import.meta.url)),
  writeReference(commands),
);
