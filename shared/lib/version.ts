import { readFileSync } from "node:fs";

/** Version of the Slipway that runs, from the package.json it was shipped with, above the sources as above the build. */
export function readVersion(from: string = import.meta.url): string {
  for (
    let folder = new URL(".", from), left = 6;
    left > 0;
    folder = new URL("..", folder), left--
  ) {
    const found = read(new URL("package.json", folder));
    if (found !== undefined) {
      return found;
    }
  }
  return "unknown";
}

function read(file: URL): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
  const parsed: unknown = JSON.parse(text);
  const isOurs =
    typeof parsed === "object" && parsed !== null && "name" in parsed && parsed.name === "slipway";
  return isOurs && "version" in parsed ? String(parsed.version) : undefined;
}
