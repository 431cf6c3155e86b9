import { AppError } from "../errors/app-error.ts";
import { BackupFailed } from "../errors/catalog.ts";

const FAULTS: Readonly<Record<string, readonly [why: string, remedy: string]>> = {
  ENOSPC: ["the disk is full", "Free some space there, or name a place with more of it."],
  EDQUOT: [
    "the quota of this user is used up",
    "Free some space there, or name a place with more of it.",
  ],
  EFBIG: ["files may not become that large there", "Name a place that takes larger files."],
  EROFS: ["the file system is read-only", "Name a place that can be written."],
  EACCES: [
    "this user may not write there",
    "Run it as the user that runs Slipway, or name another place.",
  ],
  EPERM: [
    "this user may not write there",
    "Run it as the user that runs Slipway, or name another place.",
  ],
  ENOENT: ["the folder does not exist", "Make the folder, or name another place."],
  ENOTDIR: ["part of the path is a file", "Name a folder that exists."],
  EISDIR: ["it is a folder", "Name a file."],
  EIO: ["the disk reports an error", "Check the disk and its file system."],
};

/** What the operating system has against it, in words. Errors that have words already, and bugs, stay what they are. */
export function asFileFault(error: unknown, what: string): unknown {
  if (error instanceof AppError || !(error instanceof Error) || !("code" in error)) {
    return error;
  }
  const fault = FAULTS[String(error.code)];
  return fault
    ? new BackupFailed({ what, why: fault[0] }, { cause: error, remedy: fault[1] })
    : error;
}
