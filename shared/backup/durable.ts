import { link, open, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { STAGING_PREFIX } from "./kept-files.ts";

/** Temporary files of somebody who was killed; a copy of a large database takes hours at most. */
const ABANDONED_MS = 24 * 3_600_000;

/** Makes names in a folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot; they have their own ideas of durable.
    if (!isCode(error, "EINVAL") && !isCode(error, "ENOTSUP")) {
      throw error;
    }
  } finally {
    await handle.close();
  }
}

/** Gives a finished file its name. False when the name is taken and may not be replaced. */
export async function publish(from: string, to: string, mayReplace: boolean): Promise<boolean> {
  if (mayReplace) {
    await rename(from, to);
  } else {
    try {
      // Unlike a rename this never replaces what has come there in the meantime.
      await link(from, to);
    } catch (error) {
      if (isCode(error, "EEXIST")) {
        return false;
      }
      if (!isCode(error, "EPERM") && !isCode(error, "ENOTSUP") && !isCode(error, "ENOSYS")) {
        throw error;
      }
      // A file system without links.
      if (await exists(to)) {
        return false;
      }
      await rename(from, to);
      await syncFolder(dirname(to));
      return true;
    }
    await unlink(from);
  }
  await syncFolder(dirname(to));
  return true;
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) {
      return false;
    }
    throw error;
  }
}

/** Removes temporary folders in `folder`: all of them, or only those nobody can be working on any more. */
export async function removeStaging(folder: string, now?: Date): Promise<void> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isCode(error, "ENOENT")) {
      return [];
    }
    throw error;
  });
  for (const name of names.filter((each) => isStaging(each))) {
    const path = join(folder, name);
    if (!now || now.getTime() - (await stat(path)).mtimeMs > ABANDONED_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}

/** Removes a folder and everything in it, where it is there. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!isCode(error, "ENOTDIR")) {
      throw error;
    }
  }
}

/** A name for a temporary folder of our own. */
export function stagingName(id: string): string {
  return `${STAGING_PREFIX}${id}.tmp`;
}

function isStaging(name: string): boolean {
  return name.startsWith(STAGING_PREFIX) && name.endsWith(".tmp");
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
