import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { create, Parser, type ReadEntry } from "tar";
import { AppError } from "../errors/app-error.ts";
import { BackupNewer, BackupUnusable } from "../errors/catalog.ts";
import {
  FORMAT,
  FORMAT_VERSION,
  LARGEST_MANIFEST_BYTES,
  MANIFEST,
  Manifest,
  type BackupEntry,
} from "./manifest.ts";

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read it",
};
const DAMAGED = "it is damaged, or not a backup of Slipway";

/** Packs files below `folder`, in this order, into a compressed archive that only its owner may read. Durable when done. */
export async function writeArchive(
  file: string,
  folder: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    const packed = create(
      {
        cwd: folder,
        gzip: true,
        // Neither who made it nor on which machine is anybody's business.
        portable: true,
        noDirRecurse: true,
        strict: true,
      },
      [...paths],
    );
    for await (const chunk of packed) {
      signal.throwIfAborted();
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Where an entry of the backup is to be put; undefined: it may not be in a backup at all. */
export type Placing = (path: string, manifest: Manifest) => string | undefined;

/**
 * Reads a backup from its beginning to its end and proves that it holds exactly what its manifest says: every entry, every
 * byte, nothing else. With `place`, entries are written there; links, devices and paths that lead elsewhere are refused
 * before anything is written. Throws BackupUnusable, BackupNewer.
 */
export async function readArchive(
  file: string,
  options: { readonly place: Placing | null; readonly signal: AbortSignal },
): Promise<Manifest> {
  const { place, signal } = options;
  const left = new Map<string, BackupEntry>();
  let manifest: Manifest | undefined;
  let isHopeless = false;
  let reading: Promise<void> = Promise.resolve();
  let fail: (reason: unknown) => void = () => undefined;
  // Rejects as soon as reading on makes no sense.
  const failed = new Promise<never>((_, reject) => {
    fail = (reason) => {
      isHopeless = true;
      reject(reason instanceof Error ? reason : new Error(String(reason)));
    };
  });
  failed.catch(() => undefined);

  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      reading = reading
        .then(() => take(entry))
        .catch((error: unknown) => {
          fail(error);
          entry.resume();
        });
    },
  });
  parser.on("error", fail);
  try {
    for await (const chunk of createReadStream(file)) {
      signal.throwIfAborted();
      if (!parser.write(chunk as Buffer)) {
        const drained = once(parser, "drain");
        drained.catch(() => undefined);
        await Promise.race([drained, failed]);
      }
      if (isHopeless) {
        await failed;
      }
    }
    const ended = once(parser, "end");
    ended.catch(() => undefined);
    parser.end();
    await Promise.race([ended, failed]);
    await Promise.race([reading, failed]);
  } catch (error) {
    fail(error);
    await reading;
    signal.throwIfAborted();
    throw toUnusable(error);
  }
  if (!manifest || left.size > 0) {
    throw new BackupUnusable({
      file,
      why: manifest ? `it ends too early: ${String(left.size)} of its files are missing` : DAMAGED,
    });
  }
  return manifest;

  /** An entry that was cut off neither ends nor fails by itself: nothing more comes. */
  async function* chunksOf(entry: ReadEntry): AsyncGenerator<Buffer> {
    const chunks = entry[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([chunks.next(), failed]);
      if (next.done) {
        return;
      }
      yield next.value;
    }
  }

  async function take(entry: ReadEntry): Promise<void> {
    if (isHopeless) {
      entry.resume();
      return;
    }
    if (!manifest) {
      manifest = await readManifest(entry);
      manifest.files.forEach((each) => left.set(each.path, each));
      return;
    }
    const expected = left.get(entry.path);
    if (entry.type !== "File" || !expected || expected.size !== entry.size) {
      throw new BackupUnusable({
        file,
        why: `it holds "${entry.path.slice(0, 200)}", which its manifest does not tell of`,
      });
    }
    const target = place?.(entry.path, manifest);
    if (place && target === undefined) {
      throw new BackupUnusable({
        file,
        why: `"${entry.path.slice(0, 200)}" does not belong into a backup`,
      });
    }
    await copy(entry, expected, target);
    left.delete(entry.path);
  }

  async function readManifest(entry: ReadEntry): Promise<Manifest> {
    if (entry.path !== MANIFEST || entry.type !== "File" || entry.size > LARGEST_MANIFEST_BYTES) {
      throw new BackupUnusable({ file, why: DAMAGED });
    }
    const chunks: Buffer[] = [];
    for await (const chunk of chunksOf(entry)) {
      chunks.push(chunk);
    }
    const written: unknown = JSON.parse(Buffer.concat(chunks).toString("utf8"));
    refuseNewer(written);
    return Manifest.parse(written);
  }

  function refuseNewer(written: unknown): void {
    if (
      typeof written === "object" &&
      written !== null &&
      "format" in written &&
      written.format === FORMAT &&
      "formatVersion" in written &&
      Number(written.formatVersion) > FORMAT_VERSION
    ) {
      const version = "slipway" in written ? String(written.slipway).slice(0, 100) : "unknown";
      throw new BackupNewer({ file, version });
    }
  }

  async function copy(
    entry: ReadEntry,
    { sha256, isExecutable }: BackupEntry,
    target: string | undefined,
  ): Promise<void> {
    const hash = createHash("sha256");
    if (target !== undefined) {
      await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    }
    const handle =
      target === undefined ? undefined : await open(target, "wx", isExecutable ? 0o700 : 0o600);
    try {
      for await (const chunk of chunksOf(entry)) {
        signal.throwIfAborted();
        hash.update(chunk);
        await handle?.writeFile(chunk);
      }
      await handle?.sync();
    } finally {
      await handle?.close();
    }
    if (hash.digest("hex") !== sha256) {
      throw new BackupUnusable({
        file,
        why: `"${entry.path.slice(0, 200)}" is not what was put into it`,
      });
    }
  }

  /** What the parser, zlib, JSON or the schema have against it is all the same to a person: the file is of no use. */
  function toUnusable(error: unknown): unknown {
    if (error instanceof AppError) {
      return error;
    }
    const isOfDisk =
      error instanceof Error && "syscall" in error && !("path" in error && error.path === file);
    if (isOfDisk) {
      return error;
    }
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const why = UNREADABLE[code] ?? DAMAGED;
    return new BackupUnusable({ file, why }, { cause: error });
  }
}

/** Hash and size of a file as it is now. */
export async function describeFile(
  folder: string,
  path: string,
  isExecutable: boolean,
): Promise<BackupEntry> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(join(folder, path))) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { path, size, sha256: hash.digest("hex"), isExecutable };
}
