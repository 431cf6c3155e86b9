import { chown, mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../core/ports/clock.ts";
import type { DatabaseCopier } from "../db/database-copier.ts";
import { compareMigrations } from "../db/migrate.ts";
import {
  BackupNewer,
  BackupUnusable,
  DatabaseInUse,
  InstallationInTheWay,
} from "../errors/catalog.ts";
import { newId } from "../lib/ids.ts";
import { readArchive } from "./archive.ts";
import { exists, removeStaging, stagingName, syncFolder } from "./durable.ts";
import { asFileFault } from "./file-fault.ts";
import { ASIDE_PREFIX, JOURNAL, restorableNames } from "./kept-files.ts";
import { DATA_PREFIX, type Manifest } from "./manifest.ts";
import {
  doMoves,
  endJournal,
  planMove,
  readJournal,
  undoMoves,
  writeJournal,
  type Journal,
  type Move,
} from "./swap.ts";

interface Place {
  readonly copier: DatabaseCopier;
  readonly dataDir: string;
}

export interface RestoreOptions extends Place {
  readonly file: string;
  /** Sets aside what is there instead of refusing. */
  readonly mayReplace: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onProgress: (text: string) => void;
  /**
   * Looks at what was restored while it can still be undone and the server is still kept out. What it throws puts the old
   * state back, where the database is a file.
   */
  readonly inspect: () => Promise<void>;
}

export interface RestoreResult {
  readonly manifest: Manifest;
  /** Folders with what was there before; none where nothing was. */
  readonly keptIn: readonly string[];
}

/**
 * Reads a whole backup and proves it: every byte, and that this version can work with its database. Changes nothing. Throws
 * BackupUnusable, BackupNewer.
 */
export async function checkBackup(options: {
  readonly copier: DatabaseCopier;
  readonly file: string;
  readonly signal: AbortSignal;
}): Promise<Manifest> {
  const manifest = await readArchive(options.file, { place: null, signal: options.signal });
  requireFit(options.file, manifest, options.copier);
  return manifest;
}

/**
 * Puts the content of a backup in the place of what is there, which is kept aside. Everything is unpacked and proved first;
 * only then files change their places, under a journal, so that whoever is killed in between leaves the old state to
 * whoever comes next. Throws BackupUnusable, BackupNewer, BackupFailed, InstallationInTheWay, DatabaseInUse.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreResult> {
  const { copier, dataDir, file, clock, onProgress } = options;
  try {
    if (!(await exists(file))) {
      throw new BackupUnusable({ file, why: "there is no such file" });
    }
    await mkdir(dataDir, { recursive: true });
    const letIn = await copier.keepOut();
    try {
      await recoverUnderLock({ copier, dataDir });
      await requireRoom(options);
      onProgress("unpacking and checking");
      const unpacked = await unpack(options);
      try {
        const stamp = clock.now().toISOString().replace(/\D/g, "").slice(0, 14);
        return await replace(
          options,
          unpacked,
          `${ASIDE_PREFIX}${stamp}-${unpacked.id.slice(0, 4)}`,
        );
      } finally {
        if (!(await exists(join(dataDir, JOURNAL)))) {
          await removeAll(unpacked.staging);
        }
      }
    } finally {
      await letIn();
    }
  } catch (error) {
    throw asFileFault(error, `${file} cannot be restored to ${dataDir}`);
  }
}

/**
 * Puts the old state back where a restore was killed, before anybody opens it. True when there was something to do. Throws
 * DatabaseInUse while a restore is under way.
 */
export async function recoverInterruptedRestore(place: Place): Promise<boolean> {
  if (!(await exists(join(place.dataDir, JOURNAL)))) {
    return false;
  }
  const letIn = await place.copier.keepOut().catch((error: unknown) => {
    throw error instanceof DatabaseInUse
      ? new DatabaseInUse(error.data, {
          cause: error,
          remedy: "A restore is under way. Wait for its end, then try again.",
        })
      : error;
  });
  try {
    return await recoverUnderLock(place);
  } finally {
    await letIn();
  }
}

async function recoverUnderLock({ copier, dataDir }: Place): Promise<boolean> {
  const journal = await readJournal(dataDir);
  if (journal) {
    // A server commits the database for itself; where that has happened, only going on gives one state.
    if (copier.kind === "server" && (await copier.isReplaced(journal.id))) {
      await doMoves(journal.moves);
    } else {
      await undoMoves(journal.moves);
    }
    await endJournal(dataDir);
    await removeAll(journal.staging);
  }
  return journal !== null;
}

/** Refuses to replace what somebody may still need. */
async function requireRoom({ copier, dataDir, mayReplace }: RestoreOptions): Promise<void> {
  if (mayReplace) {
    return;
  }
  const places = [
    ...((await copier.isThere()) ? [copier.location] : []),
    ...(await readdir(dataDir))
      .filter((name) => restorableNames.includes(name))
      .map((name) => join(dataDir, name)),
  ];
  if (places.length > 0) {
    throw new InstallationInTheWay({ places });
  }
}

interface Unpacked {
  readonly id: string;
  readonly manifest: Manifest;
  /** The copy of the database, on the file system of the database. */
  readonly database: string;
  /** Where the files of the data folder are, on its file system. */
  readonly data: string;
  readonly staging: readonly string[];
}

/** Unpacks beside what it will replace, so that taking its place is a rename. */
async function unpack({ copier, dataDir, file, signal }: RestoreOptions): Promise<Unpacked> {
  const id = newId();
  const data = join(dataDir, stagingName(id));
  const databaseFolder = copier.kind === "file" ? dirname(copier.file) : dataDir;
  const beside = join(databaseFolder, stagingName(id));
  const staging = [...new Set([data, beside])];
  const database = join(beside, copier.copyName);
  await removeStaging(dataDir);
  await removeStaging(databaseFolder);
  try {
    for (const folder of staging) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    const manifest = await readArchive(file, {
      signal,
      place(path, { database: { copy } }) {
        if (path === copy && path === copier.copyName) {
          return database;
        }
        return isRestorable(path) ? join(data, path) : undefined;
      },
    });
    requireFit(file, manifest, copier);
    const ran = await copier.migrationsOf(database);
    if (compareMigrations(ran).unknown.length > 0) {
      throw new BackupNewer({ file, version: manifest.slipway });
    }
    for (const folder of manifest.folders.filter(isRestorable)) {
      await mkdir(join(data, folder), { recursive: true, mode: 0o700 });
    }
    for (const folder of staging) {
      await giveToOwnerOf(dirname(folder), folder);
      await syncFolder(folder);
    }
    return { id, manifest, database, data: join(data, DATA_PREFIX), staging };
  } catch (error) {
    await removeAll(staging);
    throw error;
  }
}

/** Only what we would have put into a backup comes out of one. */
function isRestorable(path: string): boolean {
  return (
    path.startsWith(DATA_PREFIX) &&
    restorableNames.includes(path.slice(DATA_PREFIX.length).split("/")[0] ?? "")
  );
}

function requireFit(file: string, manifest: Manifest, copier: DatabaseCopier): void {
  if (compareMigrations(manifest.database.migrations).unknown.length > 0) {
    throw new BackupNewer({ file, version: manifest.slipway });
  }
  if (manifest.database.copy !== copier.copyName) {
    const engine = (name: string) => (name.endsWith(".sqlite") ? "SQLite" : "PostgreSQL");
    throw new BackupUnusable(
      {
        file,
        why: `its database is one of ${engine(manifest.database.copy)}, and this installation uses ${engine(copier.copyName)}`,
      },
      { remedy: "Set database.url to that kind of database, then restore." },
    );
  }
  if (!manifest.files.some(({ path }) => path === copier.copyName)) {
    throw new BackupUnusable({ file, why: "it holds no database" });
  }
}

async function replace(
  { copier, dataDir, signal, onProgress, inspect }: RestoreOptions,
  { id, manifest, database, data, staging }: Unpacked,
  asideName: string,
): Promise<RestoreResult> {
  const moves = [
    ...(copier.kind === "file" ? await movesOfDatabase(copier, database, asideName) : []),
    ...(await movesOfData(dataDir, data, asideName)),
  ];
  const journal: Journal = { id, moves, staging: [...staging] };
  const asideFolders = new Set(
    moves.filter(({ hadOld }) => hadOld).map(({ aside }) => dirname(aside)),
  );
  signal.throwIfAborted();
  if (copier.kind === "server") {
    await keepOldDatabase(copier, join(dataDir, asideName), asideFolders, signal);
  }
  onProgress("putting it in place");
  await writeJournal(dataDir, journal);
  try {
    if (copier.kind === "server") {
      await copier.replace(database, id, signal);
    }
    await doMoves(moves);
    onProgress("checking what was restored");
    await inspect();
  } catch (error) {
    // The old state again, or the whole new one where the database was committed already.
    await recoverUnderLock({ copier, dataDir });
    throw error;
  }
  await endJournal(dataDir);
  return { manifest, keptIn: [...asideFolders] };
}

async function keepOldDatabase(
  copier: Extract<DatabaseCopier, { kind: "server" }>,
  folder: string,
  asideFolders: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  if (await copier.isThere()) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await copier.copy(join(folder, copier.copyName), signal);
    asideFolders.add(folder);
  }
}

function movesOfDatabase(
  { file, companions }: Extract<DatabaseCopier, { kind: "file" }>,
  fresh: string,
  asideName: string,
): Promise<readonly Move[]> {
  const aside = (path: string) => join(dirname(file), asideName, basename(path));
  return Promise.all([
    // First the log: a database without its log is older, a log without its database is nothing.
    ...companions.map((path) => planMove(path, null, aside(path))),
    planMove(file, fresh, aside(file)),
  ]);
}

async function movesOfData(
  dataDir: string,
  unpacked: string,
  asideName: string,
): Promise<readonly Move[]> {
  const names = (await exists(unpacked)) ? await readdir(unpacked) : [];
  return Promise.all(
    names.map((name) =>
      planMove(join(dataDir, name), join(unpacked, name), join(dataDir, asideName, name)),
    ),
  );
}

/** What the administrator restores must be the server's, or it could not start. */
async function giveToOwnerOf(of: string, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) {
    return;
  }
  const { uid, gid } = await stat(of);
  const names = await readdir(folder, { recursive: true });
  for (const path of [folder, ...names.map((name) => join(folder, name))]) {
    await chown(path, uid, gid);
  }
}

async function removeAll(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    await rm(folder, { recursive: true, force: true });
  }
}
