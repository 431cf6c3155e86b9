import { accessSync, constants, mkdirSync } from "node:fs";
import { DataFolderUnusable } from "./errors/catalog.ts";

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the file system is read-only",
  ENOTDIR: "part of the path is a file",
  EEXIST: "it is a file",
  ENOSPC: "the disk is full",
};

/** Makes the data folder where it is missing. Throws DataFolderUnusable when nothing can be written there. */
export function openDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new DataFolderUnusable({ folder, why: WORDS[code] ?? code }, { cause: error });
  }
}
