import { link, mkdir, readFile, unlink, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { randomToken } from "./ids.ts";

/**
 * The text of a file only the owner may read, made on the first start. When two processes make it at once, both get the
 * same text.
 */
export async function readOrCreateSecretFile(
  path: string,
  make: () => string | Promise<string>,
): Promise<string> {
  const existing = await readIfPresent(path);
  if (existing !== undefined) {
    return existing;
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomToken(8)}`;
  await writeFile(draft, await make(), { mode: 0o600, flag: "wx" });
  try {
    // Unlike a rename this never replaces what another process has just made, and never shows half a file.
    await link(draft, path);
  } catch (error) {
    if (!isCode(error, "EEXIST")) {
      throw error;
    }
  } finally {
    await unlink(draft);
  }
  return readFile(path, "utf8");
}

async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) {
      return undefined;
    }
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
