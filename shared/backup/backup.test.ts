import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { Header } from "tar";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemActor } from "../core/actor.ts";
import { openDatabase } from "../db/connect.ts";
import { createDatabaseCopier } from "../db/database-copier.ts";
import { createDialect } from "../db/dialect.ts";
import { EventRow } from "../db/rows/event.ts";
import {
  BackupExists,
  BackupFailed,
  BackupNewer,
  BackupUnusable,
  DatabaseInUse,
  InstallationInTheWay,
  InstallationMissing,
} from "../errors/catalog.ts";
import { createLogger } from "../lib/logger.ts";
import { startProcess } from "../testing/child-process.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { createBackup } from "./create-backup.ts";
import { JOURNAL } from "./kept-files.ts";
import { MANIFEST, type Manifest } from "./manifest.ts";
import { checkBackup, recoverInterruptedRestore, restoreBackup } from "./restore-backup.ts";

let folder: string;
let dataDir: string;
let url: string;
let database: TestDatabase;
const clock = { now: () => new Date("2026-11-25T04:00:00Z") };
const signal = new AbortController().signal;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-backup-"));
  dataDir = join(folder, "data");
  mkdirSync(join(dataDir, "identity-provider"), { recursive: true });
  mkdirSync(join(dataDir, "mirrors/big"), { recursive: true });
  mkdirSync(join(dataDir, "demo/repos/a/refs"), { recursive: true });
  writeFileSync(join(dataDir, "secret.key"), "s3cret", { mode: 0o600 });
  writeFileSync(join(dataDir, "identity-provider/keys.json"), "{}");
  writeFileSync(join(dataDir, "mirrors/big/pack"), "fetched again");
  writeFileSync(join(dataDir, "demo/deploy.sh"), "#!/bin/sh\n", { mode: 0o755 });
  database = await createTestDatabase({ on: "sqlite" });
  await say("before the backup");
  // A database of the data folder, with a log beside it, as a running server has it.
  copyFileSync(database.url.replace("sqlite:", ""), join(dataDir, "slipway.db"));
  for (const end of ["-wal", "-shm"]) {
    copyFileSync(`${database.url.replace("sqlite:", "")}${end}`, join(dataDir, `slipway.db${end}`));
  }
  url = `sqlite:${join(dataDir, "slipway.db")}`;
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

function say(why: string): Promise<void> {
  return database.uow.run((tx) =>
    tx.emit({
      name: "environment.unlocked",
      payload: { environment: "prod", why },
      actor: systemActor,
      subject: { kind: "environment", id: "prod" },
    }),
  );
}

const copier = (of = url) => createDatabaseCopier(of, {});

function backUp(options: Partial<Parameters<typeof createBackup>[0]> = {}) {
  return createBackup({
    copier: copier(),
    dataDir,
    withSample: true,
    file: join(folder, "backup.tar.gz"),
    mayReplace: false,
    version: "0.1.0",
    clock,
    signal,
    onProgress: () => undefined,
    ...options,
  });
}

function restore(options: Partial<Parameters<typeof restoreBackup>[0]> = {}) {
  return restoreBackup({
    copier: copier(),
    dataDir,
    file: join(folder, "backup.tar.gz"),
    mayReplace: false,
    clock,
    signal,
    onProgress: () => undefined,
    inspect: () => Promise.resolve(),
    ...options,
  });
}

/** What the log of a database says. */
async function factsIn(file: string): Promise<readonly unknown[]> {
  const opened = await openDatabase({
    url: `sqlite:${file}`,
    logger: createLogger({ level: "silent" }),
  });
  try {
    const rows = await EventRow.findAll({ order: ["seq"] });
    return rows.map((row) => (row.payload as { why: string }).why);
  } finally {
    await opened.close();
  }
}

/** The whole data folder, without what comes and goes. */
function stateOf(directory: string): Readonly<Record<string, string>> {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter(
    (name) => !/slipway\.db(?:\.lock|-wal|-shm)|^before-restore-/.test(name),
  );
  return Object.fromEntries(
    names
      .filter((name) => statSync(join(directory, name)).isFile())
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(directory, name)))
          .digest("hex"),
      ]),
  );
}

describe(createBackup.name, () => {
  it("holds the database of one moment, with what is only in its log yet, and what cannot be made again", async () => {
    const { manifest, leftOut } = await backUp();

    expect(manifest.files.map(({ path }) => path).sort()).toEqual([
      "data/demo/deploy.sh",
      "data/identity-provider/keys.json",
      "data/secret.key",
      "database.sqlite",
    ]);
    expect(manifest.database.migrations.length).toBeGreaterThan(0);
    expect(leftOut).toEqual([]);
    rmSync(dataDir, { recursive: true });
    await restore();
    expect(await factsIn(join(dataDir, "slipway.db"))).toEqual(["before the backup"]);
    expect(readFileSync(join(dataDir, "secret.key"), "utf8")).toBe("s3cret");
    expect(statSync(join(dataDir, "demo/deploy.sh")).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, "secret.key")).mode & 0o777).toBe(0o600);
    expect(existsSync(join(dataDir, "demo/repos/a/refs"))).toBe(true);
  });

  it("can only be read by its owner, leaves nothing else behind, and replaces nothing unasked", async () => {
    const file = join(folder, "backup.tar.gz");
    await backUp();

    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(["backup.tar.gz", "data"]);
    const first = readFileSync(file);
    await expect(backUp()).rejects.toBeInstanceOf(BackupExists);
    expect(readFileSync(file)).toEqual(first);
    await backUp({ mayReplace: true });
    expect(readdirSync(folder).sort()).toEqual(["backup.tar.gz", "data"]);
  });

  it("names what lies in the data folder and is not in it, and follows no link", async () => {
    writeFileSync(join(dataDir, "notes.txt"), "mine");
    symlinkSync("/etc/passwd", join(dataDir, "identity-provider/link"));

    const { manifest, leftOut } = await backUp({ file: join(dataDir, "own.tar.gz") });

    expect(leftOut).toEqual(["notes.txt"]);
    expect(manifest.files.map(({ path }) => path).join()).not.toContain("link");
  });

  it.each([
    ["a folder that does not exist", "missing/backup.tar.gz", /the folder does not exist/],
    ["a path through a file", "data/secret.key/backup.tar.gz", /part of the path is a file/],
  ])("says in words why it cannot be written: %s", async (_what, name, words) => {
    const refused = await backUp({ file: join(folder, name) }).catch((error: unknown) => error);

    expect(refused).toBeInstanceOf(BackupFailed);
    expect(refused).toMatchObject({ message: expect.stringMatching(words) });
    expect((refused as BackupFailed).remedy).toBeTruthy();
  });

  it("does not back up what is not there", async () => {
    const nowhere = copier(`sqlite:${join(folder, "other.db")}`);
    await expect(backUp({ copier: nowhere })).rejects.toBeInstanceOf(InstallationMissing);
  });

  it("leaves nothing behind when it is interrupted", async () => {
    const interrupted = new AbortController();

    await expect(
      backUp({ signal: interrupted.signal, onProgress: () => interrupted.abort() }),
    ).rejects.toThrow();

    expect(readdirSync(folder)).toEqual(["data"]);
  });
});

describe(restoreBackup.name, () => {
  beforeEach(async () => {
    await backUp();
    writeFileSync(join(dataDir, "secret.key"), "changed since");
  });

  it("refuses to replace an installation unasked", async () => {
    const before = stateOf(dataDir);

    await expect(restore()).rejects.toBeInstanceOf(InstallationInTheWay);

    expect(stateOf(dataDir)).toEqual(before);
  });

  it("keeps what was there aside, the log of the database included", async () => {
    const { keptIn } = await restore({ mayReplace: true });

    expect(readFileSync(join(dataDir, "secret.key"), "utf8")).toBe("s3cret");
    expect(keptIn).toHaveLength(1);
    const aside = keptIn[0] ?? "";
    expect(readFileSync(join(aside, "secret.key"), "utf8")).toBe("changed since");
    expect(await factsIn(join(aside, "slipway.db"))).toEqual(["before the backup"]);
    expect(existsSync(join(dataDir, JOURNAL))).toBe(false);
    expect(readFileSync(join(dataDir, "mirrors/big/pack"), "utf8")).toBe("fetched again");
  });

  it("refuses while a server runs", async () => {
    const server = createDialect(url);
    await server.claimSoleUse();
    try {
      await expect(restore({ mayReplace: true })).rejects.toBeInstanceOf(DatabaseInUse);
    } finally {
      await server.close();
    }
    expect(readFileSync(join(dataDir, "secret.key"), "utf8")).toBe("changed since");
  });

  it("puts the old state back when what was restored turns out to be of no use", async () => {
    const before = stateOf(dataDir);

    await expect(
      restore({
        mayReplace: true,
        inspect: () => Promise.reject(new Error("a migration failed")),
      }),
    ).rejects.toThrow("a migration failed");

    expect(stateOf(dataDir)).toEqual(before);
    expect(await factsIn(join(dataDir, "slipway.db"))).toEqual(["before the backup"]);
  });

  it("leaves the old state, wherever it is killed", async () => {
    await database.close();
    const before = stateOf(dataDir);
    const facts = await factsIn(join(dataDir, "slipway.db"));
    let finished = false;
    let points = 0;
    while (!finished) {
      points += 1;
      const run = startProcess("shared/backup/testing/restoring-process.ts", [
        url,
        dataDir,
        join(folder, "backup.tar.gz"),
        String(points),
      ]);
      finished = (await run.ended).code === 0;
      if (!finished) {
        await recoverInterruptedRestore({ copier: copier(), dataDir });
        const left = stateOf(dataDir);
        const isNew =
          !existsSync(join(dataDir, JOURNAL)) && left["secret.key"] !== before["secret.key"];
        // After the journal ended only clearing up is left, and the new state counts.
        if (!isNew) {
          expect(withoutStaging(left), `killed at change ${String(points)}`).toEqual(before);
          expect(await factsIn(join(dataDir, "slipway.db"))).toEqual(facts);
        } else {
          expect(readFileSync(join(dataDir, "secret.key"), "utf8")).toBe("s3cret");
          writeFileSync(join(dataDir, "secret.key"), "changed since");
        }
      }
    }
    expect(points).toBeGreaterThan(6);
    database = await createTestDatabase({ on: "sqlite" });
  }, 120_000);

  it("says in words what is wrong with a file that is no backup", async () => {
    const file = join(folder, "letter.txt");
    writeFileSync(file, "Dear Olivia, ".repeat(1_000));

    await expect(restore({ file, mayReplace: true })).rejects.toThrow(
      /damaged, or not a backup of Slipway\. Nothing was changed/,
    );
    await expect(restore({ file: join(folder, "none"), mayReplace: true })).rejects.toThrow(
      /there is no such file/,
    );
    await expect(restore({ file: dataDir, mayReplace: true })).rejects.toThrow(/it is a folder/);
  });

  it("refuses a backup that was cut off, wherever", async () => {
    const whole = readFileSync(join(folder, "backup.tar.gz"));
    const before = stateOf(dataDir);
    const file = join(folder, "cut.tar.gz");
    for (const share of [0, 0.01, 0.3, 0.6, 0.9, 0.999]) {
      writeFileSync(file, whole.subarray(0, Math.floor(whole.length * share)));
      await expect(restore({ file, mayReplace: true })).rejects.toBeInstanceOf(BackupUnusable);
    }
    // Cut between two files: valid as an archive, and not what the manifest tells.
    const entries = readTar(gunzipSync(whole));
    writeFileSync(file, gzipSync(writeTar(entries.slice(0, -1))));
    await expect(restore({ file, mayReplace: true })).rejects.toThrow(/1 of its files are missing/);
    expect(stateOf(dataDir)).toEqual(before);
  });

  it("refuses a backup in which a byte changed, wherever", async () => {
    const whole = readFileSync(join(folder, "backup.tar.gz"));
    const before = stateOf(dataDir);
    const file = join(folder, "flipped.tar.gz");
    for (const share of [0.05, 0.35, 0.65, 0.95]) {
      const bytes = Buffer.from(whole);
      const at = Math.floor(bytes.length * share);
      bytes[at] = (bytes[at] ?? 0) ^ 0x40;
      writeFileSync(file, bytes);
      await expect(restore({ file, mayReplace: true })).rejects.toBeInstanceOf(BackupUnusable);
      await expect(checkBackup({ copier: copier(), file, signal })).rejects.toBeInstanceOf(
        BackupUnusable,
      );
    }
    // Compressed again, so that only the checksum can tell.
    const entries = readTar(gunzipSync(whole));
    const changed = entries.map((entry) =>
      entry.path === "data/secret.key" ? { ...entry, body: Buffer.from("forged") } : entry,
    );
    writeFileSync(file, gzipSync(writeTar(changed)));
    await expect(restore({ file, mayReplace: true })).rejects.toThrow(
      /"data\/secret\.key" is not what was put into it/,
    );
    expect(stateOf(dataDir)).toEqual(before);
  });

  it.each<[string, string, "0" | "2" | "5"]>([
    ["a path that leads out", "data/../../escaped", "0"],
    ["an absolute path", "/tmp/slipway-escaped", "0"],
    ["a folder Slipway never backs up", "data/.ssh/authorized_keys", "0"],
    ["another name for the database", "data/slipway.db", "0"],
    ["a link instead of a file", "data/secret.key", "2"],
    ["something the manifest does not tell of", "data/cookie.key.exe", "0"],
  ])("refuses %s, and writes nothing", async (what, path, type) => {
    const before = stateOf(folder);
    const entries = readTar(gunzipSync(readFileSync(join(folder, "backup.tar.gz"))));
    const body = type === "2" ? Buffer.alloc(0) : Buffer.from("evil");
    const told = !what.startsWith("something");
    const forged = entries
      .filter((entry) => entry.path !== path)
      .map((entry) => {
        if (entry.path !== MANIFEST || !told) {
          return entry;
        }
        const manifest = JSON.parse(entry.body.toString()) as Manifest;
        const files = [
          ...manifest.files.filter((each) => each.path !== path),
          {
            path,
            size: body.length,
            sha256: createHash("sha256").update(body).digest("hex"),
            isExecutable: true,
          },
        ];
        return { ...entry, body: Buffer.from(JSON.stringify({ ...manifest, files })) };
      });
    const file = join(folder, "forged.tar.gz");
    writeFileSync(file, gzipSync(writeTar([...forged, { path, type, body }])));

    await expect(restore({ file, mayReplace: true })).rejects.toBeInstanceOf(BackupUnusable);

    rmSync(file);
    expect(stateOf(folder)).toEqual(before);
    expect(existsSync(join(folder, "escaped"))).toBe(false);
    expect(existsSync("/tmp/slipway-escaped")).toBe(false);
  });

  it.each<[string, (manifest: Manifest) => unknown]>([
    ["the format", (manifest) => ({ ...manifest, formatVersion: 2, slipway: "9.0.0", files: 1 })],
    [
      "the database",
      (manifest) => ({
        ...manifest,
        slipway: "9.0.0",
        database: { ...manifest.database, migrations: ["2031-01-01-add-time-travel"] },
      }),
    ],
  ])("refuses a backup of a newer version by %s, with its number", async (_what, change) => {
    const entries = readTar(gunzipSync(readFileSync(join(folder, "backup.tar.gz"))));
    const newer = entries.map((entry) =>
      entry.path === MANIFEST
        ? {
            ...entry,
            body: Buffer.from(
              JSON.stringify(change(JSON.parse(entry.body.toString()) as Manifest)),
            ),
          }
        : entry,
    );
    const file = join(folder, "newer.tar.gz");
    writeFileSync(file, gzipSync(writeTar(newer)));

    const refused = await restore({ file, mayReplace: true }).catch((error: unknown) => error);

    expect(refused).toBeInstanceOf(BackupNewer);
    expect((refused as BackupNewer).message).toContain("9.0.0");
  });

  it("refuses a backup of another kind of database", async () => {
    const postgres = createDatabaseCopier("postgres://slipway@localhost/slipway", {});

    await expect(
      checkBackup({ copier: postgres, file: join(folder, "backup.tar.gz"), signal }),
    ).rejects.toThrow(/one of SQLite, and this installation uses PostgreSQL/);
  });
});

type BackupFailed = InstanceType<typeof BackupFailed>;
type BackupNewer = InstanceType<typeof BackupNewer>;

interface TarEntry {
  readonly path: string;
  readonly type?: "0" | "2" | "5";
  readonly body: Buffer;
}

/** The files of an archive, by its plain format. */
function readTar(bytes: Buffer): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  for (let at = 0; at + 512 <= bytes.length;) {
    const header = new Header(bytes, at);
    if (header.nullBlock || header.path === undefined) {
      break;
    }
    const size = header.size ?? 0;
    entries.push({ path: header.path, body: bytes.subarray(at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}

function writeTar(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = "0", body }) => {
    const block = Buffer.alloc(512);
    const header = new Header({ path, mode: 0o600, size: body.length });
    Object.assign(header, { type: { "0": "File", "2": "SymbolicLink", "5": "Directory" }[type] });
    if (type === "2") {
      header.linkpath = "/etc/passwd";
    }
    header.encode(block, 0);
    return [block, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

function withoutStaging(state: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(state).filter(([name]) => !name.startsWith(".slipway-")),
  );
}
