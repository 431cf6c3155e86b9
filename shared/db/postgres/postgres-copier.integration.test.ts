import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createBackup } from "../../backup/create-backup.ts";
import { JOURNAL } from "../../backup/kept-files.ts";
import { recoverInterruptedRestore, restoreBackup } from "../../backup/restore-backup.ts";
import { DatabaseInUse } from "../../errors/catalog.ts";
import { describeWith } from "../../testing/needs.ts";
import { untilItWorks } from "../../testing/until-it-works.ts";
import { createDatabaseCopier } from "../database-copier.ts";
import { migrations } from "../migrations/index.ts";

const BIN = "/usr/lib/postgresql/15/bin";
const PASSWORD = "p@ss:w/ord";
const clock = { now: () => new Date("2026-11-25T04:00:00Z") };
const signal = new AbortController().signal;

describeWith("PostgreSQL 15", existsSync(`${BIN}/initdb`))("a PostgreSQL database", () => {
  let folder: string;
  let dataDir: string;
  let port: number;
  let server: ChildProcess;
  let url: string;
  const environment = { PATH: `${BIN}:${process.env["PATH"] ?? ""}` };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "slipway-pg-"));
    chmodSync(folder, 0o755);
    port = await freePort();
    // PostgreSQL refuses to run as root.
    const as = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
    const cluster = join(folder, "cluster");
    mkdirSync(cluster);
    writeFileSync(join(folder, "password"), PASSWORD);
    if (as.uid !== undefined) {
      chownSync(cluster, as.uid, as.gid);
    }
    execFileSync(
      `${BIN}/initdb`,
      ["-D", cluster, "-U", "owner", "-A", "scram-sha-256", `--pwfile=${folder}/password`, "-N"],
      { ...as, stdio: "ignore", cwd: "/" },
    );
    server = spawn(
      `${BIN}/postgres`,
      ["-D", cluster, "-p", String(port), "-k", cluster, "-h", "127.0.0.1", "-F"],
      { ...as, stdio: "ignore", cwd: "/" },
    );
    url = `postgres://owner:${encodeURIComponent(PASSWORD)}@127.0.0.1:${String(port)}/postgres`;
    await untilItWorks(() => query("SELECT 1"), {
      timeoutMs: 30_000,
      intervalMs: 50,
      isHopeless: () => server.exitCode !== null,
    });
  });
  afterAll(async () => {
    if (server && server.exitCode === null) {
      const ended = once(server, "exit");
      server.kill("SIGINT");
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(async () => {
    dataDir = mkdtempSync(join(folder, "data-"));
    writeFileSync(join(dataDir, "secret.key"), "s3cret");
    await query(
      `DROP SCHEMA IF EXISTS jobs CASCADE; DROP TABLE IF EXISTS notes, later, schema_migrations CASCADE;
       DROP FUNCTION IF EXISTS touch; DROP TYPE IF EXISTS mood;
       CREATE TYPE mood AS ENUM ('fine', 'bad');
       CREATE TABLE schema_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL);
       INSERT INTO schema_migrations VALUES ${migrations.map(({ name }) => `('${name}', now())`).join()};
       CREATE TABLE notes (id serial PRIMARY KEY, text text NOT NULL, mood mood);
       CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
       CREATE TRIGGER touching BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch();
       CREATE SCHEMA jobs; CREATE TABLE jobs.job (id int);
       INSERT INTO notes (text, mood) VALUES ('before the backup', 'fine')`,
    );
  });

  const copier = () => createDatabaseCopier(url, environment);
  const file = () => join(dataDir, "backup.tar.gz");
  const backUp = () =>
    createBackup({
      copier: copier(),
      dataDir,
      withSample: false,
      file: file(),
      mayReplace: true,
      version: "0.1.0",
      clock,
      signal,
      onProgress: () => undefined,
    });
  const restore = (
    inspect = () => Promise.resolve(),
    onProgress: (text: string) => void = () => undefined,
  ) =>
    restoreBackup({
      copier: copier(),
      dataDir,
      file: file(),
      mayReplace: true,
      clock,
      signal,
      onProgress,
      inspect,
    });
  /** What was done since: other rows, another table that refers to an old one, more everywhere. */
  const goOn = () =>
    query(
      `INSERT INTO notes (text) VALUES ('after the backup');
       CREATE TABLE later (note int REFERENCES notes); INSERT INTO jobs.job VALUES (1)`,
    );

  it("is copied beside those who use it and put back whole, also over what came later", async () => {
    const user = await connect();
    const { manifest } = await backUp();
    await user.end();
    expect(manifest.database).toMatchObject({
      kind: "server",
      migrations: migrations.map(({ name }) => name),
    });
    await goOn();
    writeFileSync(join(dataDir, "secret.key"), "changed since");

    const { keptIn } = await restore();

    expect(await query("SELECT text, mood FROM notes")).toEqual([
      { text: "before the backup", mood: "fine" },
    ]);
    expect(await query("SELECT to_regclass('later') AS later")).toEqual([{ later: null }]);
    expect(await query("SELECT count(*)::int AS jobs FROM jobs.job")).toEqual([{ jobs: 0 }]);
    await query("INSERT INTO notes (text) VALUES ('the sequence goes on')");
    expect(readFileSync(join(dataDir, "secret.key"), "utf8")).toBe("s3cret");
    expect(existsSync(join(keptIn[0] ?? "", "database.pgdump"))).toBe(true);
    expect(existsSync(join(dataDir, JOURNAL))).toBe(false);
  });

  it("is restored to an empty database", async () => {
    await backUp();
    await query(
      "DROP SCHEMA jobs CASCADE; DROP TABLE notes, schema_migrations; DROP FUNCTION touch; DROP TYPE mood",
    );
    rmSync(join(dataDir, "secret.key"));

    const { keptIn } = await restore();

    expect(keptIn).toEqual([]);
    expect(await query("SELECT count(*)::int AS notes FROM notes")).toEqual([{ notes: 1 }]);
  });

  it("keeps a restore out while somebody uses it", async () => {
    await backUp();
    const user = await connect();

    await expect(restore()).rejects.toBeInstanceOf(DatabaseInUse);

    await user.end();
  });

  it("stays what it was when the copy cannot be restored", async () => {
    await backUp();
    await goOn();
    // Something that does not want to be cleared away.
    await query(
      `CREATE FUNCTION stubborn() RETURNS event_trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'not here'; END $$;
       CREATE EVENT TRIGGER refuse ON sql_drop EXECUTE FUNCTION stubborn()`,
    );

    await expect(restore()).rejects.toThrow(/not here/);

    await query("DROP EVENT TRIGGER refuse; DROP FUNCTION IF EXISTS stubborn()");
    expect(await query("SELECT count(*)::int AS notes FROM notes")).toEqual([{ notes: 2 }]);
    expect(existsSync(join(dataDir, JOURNAL))).toBe(false);
  });

  it("goes on with the files where the database was committed and the process then killed", async () => {
    await backUp();
    writeFileSync(join(dataDir, "secret.key"), "changed since");
    let journal = "";
    await restore(() => {
      journal = readFileSync(join(dataDir, JOURNAL), "utf8");
      return Promise.resolve();
    });
    const plan = JSON.parse(journal) as { moves: { live: string; fresh: string; aside: string }[] };
    // As it was between the commit and the first rename.
    for (const { live, fresh, aside } of plan.moves) {
      mkdirSync(join(fresh, ".."), { recursive: true });
      writeFileSync(fresh, readFileSync(live));
      writeFileSync(live, readFileSync(aside));
      rmSync(aside);
    }
    writeFileSync(join(dataDir, JOURNAL), journal);

    expect(await recoverInterruptedRestore({ copier: copier(), dataDir })).toBe(true);

    expect(readFileSync(join(dataDir, "secret.key"), "utf8")).toBe("s3cret");
  });

  it("never shows its password", async () => {
    const wrong = createDatabaseCopier(url.replace(encodeURIComponent(PASSWORD), "wr0ngwr0ng"), {
      ...environment,
    });

    const refused = await wrong.copy(join(dataDir, "x"), signal).catch((error: unknown) => error);

    expect(wrong.location).not.toContain("wr0ng");
    expect(String(refused)).toMatch(/password authentication failed/);
    expect(JSON.stringify(refused) + String(refused)).not.toContain("wr0ng");
  });

  it("says which program is missing, and how to get it", async () => {
    const poor = createDatabaseCopier(url, { PATH: "/nonexistent" });

    await expect(poor.copy(join(dataDir, "x"), signal)).rejects.toMatchObject({
      message: expect.stringContaining("pg_dump is not installed"),
      remedy: expect.stringContaining("postgresql-client"),
    });
  });

  async function connect(): Promise<Client> {
    const client = new Client({ connectionString: url });
    await client.connect();
    return client;
  }

  async function query(sql: string): Promise<unknown[]> {
    const client = await connect();
    try {
      const result = await client.query<Record<string, unknown>>(sql);
      return [result].flat().at(-1)?.rows ?? [];
    } finally {
      await client.end();
    }
  }
});

function idOf(flag: "-u" | "-g"): number {
  return Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
}

async function freePort(): Promise<number> {
  const probe = createServer();
  probe.listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
