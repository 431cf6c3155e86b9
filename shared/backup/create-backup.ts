import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Clock } from "../core/ports/clock.ts";
import type { DatabaseCopier } from "../db/database-copier.ts";
import { BackupExists, InstallationMissing } from "../errors/catalog.ts";
import { newId } from "../lib/ids.ts";
import { describeFile, writeArchive } from "./archive.ts";
import { exists, isCode, publish, removeFolder, removeStaging, stagingName } from "./durable.ts";
import { asFileFault } from "./file-fault.ts";
import { isExpendable, keptNames } from "./kept-files.ts";
import {
  DATA_PREFIX,
  FORMAT,
  FORMAT_VERSION,
  isInside,
  MANIFEST,
  type BackupEntry,
  type Manifest,
} from "./manifest.ts";

export interface BackupResult {
  readonly file: string;
  readonly bytes: number;
  readonly manifest: Manifest;
  /** What lies in the data folder and is nobody's we know: not in the backup. */
  readonly leftOut: readonly string[];
}

/**
 * Writes everything that cannot be made again into one file: a copy of the database of one moment and the secrets of the
 * data folder. The server goes on meanwhile. The file appears under its name when it is whole and on the disk, and not
 * before; killed at any moment, nothing else was changed. Throws BackupExists, BackupFailed, InstallationMissing.
 */
export async function createBackup(options: {
  readonly copier: DatabaseCopier;
  readonly dataDir: string;
  /** Whether the sample workspace is in use and belongs to it. */
  readonly withSample: boolean;
  readonly file: string;
  readonly mayReplace: boolean;
  readonly version: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
}): Promise<BackupResult> {
  const { copier, dataDir, file, mayReplace, clock, signal, onProgress } = options;
  if (!(await copier.isThere())) {
    throw new InstallationMissing({ database: copier.location });
  }
  if (!mayReplace && (await exists(file))) {
    throw new BackupExists({ file });
  }
  const folder = dirname(file);
  const staging = join(folder, stagingName(newId()));
  try {
    await removeStaging(folder, clock.now());
    // Only its owner sees what is in it, from the first byte on.
    await mkdir(staging, { mode: 0o700 });
    onProgress("copying the database");
    await copier.copy(join(staging, copier.copyName), signal);
    onProgress("copying the data folder");
    const { paths, folders } = await copyKept(dataDir, staging, options.withSample);
    onProgress("computing checksums");
    const files: BackupEntry[] = [];
    for (const { path, isExecutable } of [
      { path: copier.copyName, isExecutable: false },
      ...paths,
    ]) {
      signal.throwIfAborted();
      files.push(await describeFile(staging, path, isExecutable));
    }
    const manifest: Manifest = {
      format: FORMAT,
      formatVersion: FORMAT_VERSION,
      slipway: options.version,
      createdAt: clock.now().toISOString(),
      database: {
        kind: copier.kind,
        copy: copier.copyName,
        migrations: [...(await copier.migrationsOf(join(staging, copier.copyName)))],
      },
      files,
      folders,
    };
    await writeFile(join(staging, MANIFEST), JSON.stringify(manifest, null, 2), { mode: 0o600 });
    onProgress("writing the archive");
    const archive = join(staging, "archive");
    await writeArchive(archive, staging, [MANIFEST, ...files.map(({ path }) => path)], signal);
    const { size } = await stat(archive);
    if (!(await publish(archive, file, mayReplace))) {
      throw new BackupExists({ file });
    }
    return { file, bytes: size, manifest, leftOut: await leftOut(options) };
  } catch (error) {
    throw asFileFault(error, `The backup ${file} cannot be written`);
  } finally {
    await removeFolder(staging);
  }
}

/** Copies what is kept below `data/` of the staging folder. Whole files at once: they are small, and may change. */
async function copyKept(
  dataDir: string,
  staging: string,
  withSample: boolean,
): Promise<{
  readonly paths: readonly { readonly path: string; readonly isExecutable: boolean }[];
  readonly folders: string[];
}> {
  const paths: { path: string; isExecutable: boolean }[] = [];
  const folders: string[] = [];
  for (const name of keptNames({ withSample })) {
    await visit(join(dataDir, name));
  }
  return { paths, folders };

  async function visit(from: string): Promise<void> {
    const path = `${DATA_PREFIX}${relative(dataDir, from)}`;
    if (!isInside(path)) {
      return;
    }
    try {
      const status = await stat(from);
      if (status.isDirectory()) {
        await mkdir(join(staging, path), { recursive: true, mode: 0o700 });
        folders.push(path);
        for (const entry of await readdir(from, { withFileTypes: true })) {
          // A link may lead anywhere, and sockets and pipes have no content.
          if (entry.isDirectory() || entry.isFile()) {
            await visit(join(from, entry.name));
          }
        }
      } else {
        await mkdir(dirname(join(staging, path)), { recursive: true, mode: 0o700 });
        await writeFile(join(staging, path), await readFile(from), { mode: 0o600 });
        paths.push({ path, isExecutable: (status.mode & 0o100) !== 0 });
      }
    } catch (error) {
      // Never there, or gone while we looked: the sample's checkouts come and go.
      if (!isCode(error, "ENOENT")) {
        throw error;
      }
    }
  }
}

async function leftOut({
  copier,
  dataDir,
  withSample,
  file,
}: Parameters<typeof createBackup>[0]): Promise<readonly string[]> {
  const kept = keptNames({ withSample });
  const database =
    copier.kind === "file" && dirname(copier.file) === dataDir
      ? relative(dataDir, copier.file)
      : null;
  const names = await readdir(dataDir);
  return names
    .filter((name) => !kept.includes(name) && !isExpendable(name, database))
    .filter((name) => join(dataDir, name) !== file)
    .sort();
}
