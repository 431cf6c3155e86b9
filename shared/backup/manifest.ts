import { z } from "zod";

/** First entry of every backup. */
export const MANIFEST = "manifest.json";
export const FORMAT = "slipway-backup";
/** Grows when an older Slipway could not restore what a newer one wrote. */
export const FORMAT_VERSION = 1;
/** A manifest lists files, not contents. */
export const LARGEST_MANIFEST_BYTES = 32 * 1024 * 1024;
/** Files of the data folder are under this name. */
export const DATA_PREFIX = "data/";

const Entry = z.object({
  /** `database.…`, or `data/…` with a path below the data folder. */
  path: z.string().min(1).max(4_096).refine(isInside, "leads out of the backup"),
  size: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  isExecutable: z.boolean(),
});
export type BackupEntry = z.infer<typeof Entry>;

/** What a backup says about itself. */
export const Manifest = z.object({
  format: z.literal(FORMAT),
  formatVersion: z.number().int().positive(),
  /** Version of the Slipway that made it. */
  slipway: z.string().max(100),
  createdAt: z.iso.datetime(),
  database: z.object({
    kind: z.enum(["file", "server"]),
    copy: z.string().max(100).refine(isInside, "leads out of the backup"),
    migrations: z.array(z.string().max(300)),
  }),
  files: z.array(Entry).max(1_000_000),
  /** Folders below the data folder, also empty ones. */
  folders: z.array(z.string().max(4_096).refine(isInside, "leads out of the backup")),
});
export type Manifest = z.infer<typeof Manifest>;

/** Whether a path is relative and stays below where it starts, on every file system. */
export function isInside(path: string): boolean {
  return (
    !/[\\\p{Cc}]/u.test(path) &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
