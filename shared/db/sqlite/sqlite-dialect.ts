import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Sequelize, Transaction } from "sequelize";
import sqlite3 from "sqlite3";
import { DatabaseInUse, DatabaseUnusable, StorageUnavailable } from "../../errors/catalog.ts";
import { createDeadJobs } from "../dead-work.ts";
import { enqueueRow } from "../job-rows.ts";
import { createLocalSignals } from "../signals.ts";
import { createWorkQueue } from "../work-queue.ts";
import type { Dialect, WriteSession } from "../dialect.types.ts";
import { SessionTransaction } from "../session-transaction.ts";

const BUSY_TIMEOUT_MS = 10_000;
/** Whoever is just ending gives the database free within this time. */
const SOLE_USE_TIMEOUT_MS = 2_000;

const PRAGMAS = [
  "PRAGMA foreign_keys=ON",
  // Safe with WAL: a power cut can take the last commits with it, but never damages the file.
  "PRAGMA synchronous=NORMAL",
  "PRAGMA temp_store=MEMORY",
  "PRAGMA journal_size_limit=67108864",
  "PRAGMA journal_mode=WAL",
].join(";");

interface ConnectionOptions {
  readonly busyTimeoutMs: number;
  /** What `PRAGMA table_info` answered, shared by all connections to one file. */
  readonly tables: Map<string, unknown[]>;
}

/** A connection with the settings every connection must have. */
class SqliteConnection extends sqlite3.Database {
  /** Resolves when the file is closed, whoever asked for it, or could not be opened. */
  readonly closed: Promise<void>;
  readonly #tables: Map<string, unknown[]>;

  constructor(
    file: string,
    mode: number,
    { busyTimeoutMs, tables }: ConnectionOptions,
    opened: (error: Error | null) => void,
  ) {
    let setClosed: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      setClosed = resolve;
    });
    super(file, mode, (error) => {
      if (error) {
        setClosed();
      }
      opened(error);
    });
    this.closed = closed;
    this.#tables = tables;
    this.once("close", setClosed);
    this.configure("busyTimeout", busyTimeoutMs);
    // One statement at a time, in the order given: sessions rely on it, and a connection could not do more anyway.
    this.serialize();
    // A file that cannot take these settings fails its first query too, with the same reason and somebody to hear it.
    this.exec(PRAGMAS, () => undefined);
  }

  /**
   * Sequelize asks for the columns of a table before each of its selects, which doubles the time of short ones. Tables only
   * change by migrations, so the answer is remembered until one of those runs.
   */
  override all(sql: string, ...rest: unknown[]): this {
    const answer = rest.at(-1);
    if (!sql.startsWith("PRAGMA table_info(") || !isAnswer(answer)) {
      this.#noticeSchemaChange(sql);
      return super.all(sql, ...rest);
    }
    const known = this.#tables.get(sql);
    if (known) {
      answer(null, known);
      return this;
    }
    return super.all<unknown>(sql, (error, columns) => {
      if (!error && columns.length > 0) {
        this.#tables.set(sql, columns);
      }
      answer(error, columns);
    });
  }

  override run(sql: string, ...rest: unknown[]): this {
    this.#noticeSchemaChange(sql);
    return super.run(sql, ...rest);
  }

  #noticeSchemaChange(sql: string): void {
    if (/^\s*(?:CREATE|ALTER|DROP)\b/i.test(sql)) {
      this.#tables.clear();
    }
  }
}

function isAnswer(value: unknown): value is (error: Error | null, rows: unknown[]) => void {
  return typeof value === "function";
}

/** A dialect over one file, connected lazily. */
export function createSqliteDialect(
  file: string,
  { busyTimeoutMs = BUSY_TIMEOUT_MS }: { readonly busyTimeoutMs?: number | undefined } = {},
): Dialect {
  const options: ConnectionOptions = { busyTimeoutMs, tables: new Map() };
  const open = new Set<SqliteConnection>();
  /** Sequelize closes its connections without waiting for the end; this remembers them. */
  class Connection extends SqliteConnection {
    constructor(name: string, mode: number, opened: (error: Error | null) => void) {
      super(name, mode, options, opened);
      open.add(this);
      void this.closed.then(() => open.delete(this));
    }
  }
  const sequelize = new Sequelize({
    dialect: "sqlite",
    storage: file,
    dialectModule: { ...sqlite3, Database: Connection },
    transactionType: Transaction.TYPES.IMMEDIATE,
    logging: false,
    // The driver has waited already; waiting again only hides the lock.
    retry: { max: 1 },
  });
  let writer: Promise<SqliteConnection> | undefined;
  let soleUse: sqlite3.Database | undefined;

  return {
    name: "sqlite",
    location: file,
    sequelize,
    openSignals: async () => createLocalSignals(),
    openJobs: () => ({
      prepare: async () => undefined,
      enqueue: enqueueRow,
      deadJobs: createDeadJobs,
      createQueue: (deps) => createWorkQueue({ sequelize, ...deps }),
    }),
    servesManyWriters: false,
    storageFault,
    // The driver waits for locks by itself and a commit always answers: nothing is worth a second attempt.
    isTransient: () => false,
    settleTables: () => Promise.resolve(),

    async openSession() {
      // One connection is kept for writing: Sequelize would open and close one per transaction.
      writer ??= connect(file, options);
      try {
        const connection = await writer;
        await execute(connection, "BEGIN IMMEDIATE");
        return createSqliteSession(sequelize, connection, () => {
          writer = undefined;
        });
      } catch (error) {
        const broken = await writer?.catch(() => undefined);
        writer = undefined;
        broken?.close(() => undefined);
        throw storageFault(error) ?? error;
      }
    },

    async exclusively(work) {
      try {
        const connection = await connect(file, options);
        const transaction = new SessionTransaction(sequelize, connection);
        try {
          await execute(connection, "BEGIN IMMEDIATE");
          const result = await work(transaction);
          await execute(connection, "COMMIT");
          return result;
        } finally {
          // Closing gives up whatever was not committed.
          transaction.finish("rollback");
          connection.close(() => undefined);
          await connection.closed;
        }
      } catch (error) {
        throw storageFault(error) ?? error;
      }
    },

    async probe() {
      const folder = dirname(file);
      try {
        mkdirSync(folder, { recursive: true });
        accessSync(folder, constants.W_OK | constants.X_OK);
      } catch (error) {
        throw new DatabaseUnusable(
          { database: file, why: `the folder ${folder} cannot be written` },
          {
            cause: error,
            remedy: "Let the user that runs Slipway write there, or choose another place.",
          },
        );
      }
      try {
        const connection = await connect(file, options);
        try {
          // Reads and locks: the only proof that the file is a database and can be written.
          await execute(
            connection,
            "BEGIN IMMEDIATE; SELECT count(*) FROM sqlite_master; ROLLBACK",
          );
        } finally {
          connection.close(() => undefined);
          await connection.closed;
        }
      } catch (error) {
        const fault = sqliteFault(error);
        throw new DatabaseUnusable(
          { database: file, why: fault?.why ?? "it cannot be opened" },
          { cause: error, remedy: fault?.remedy ?? "Look at the log for the reason." },
        );
      }
    },

    async claimSoleUse() {
      soleUse ??= await lockForever(`${file}.lock`).catch((error: unknown) => {
        throw sqliteCode(error) === "SQLITE_BUSY"
          ? new DatabaseInUse({ database: file }, { cause: error })
          : (storageFault(error) ?? error);
      });
      return true;
    },

    async close() {
      const connection = await writer?.catch(() => undefined);
      writer = undefined;
      connection?.close(() => undefined);
      await sequelize.close();
      await Promise.all([...open].map((connection) => connection.closed));
      await connection?.closed;
      await new Promise((done) => (soleUse ? soleUse.close(done) : done(null)));
      soleUse = undefined;
    },
  };
}

/**
 * Works one after the other in one transaction, each after a savepoint. The first needs none: when it fails there is
 * nothing before it to protect. Savepoints are sent without waiting for an answer, because the connection keeps the order;
 * a failed one shows at the next statement or at the commit.
 */
function createSqliteSession(
  sequelize: Sequelize,
  connection: SqliteConnection,
  lose: () => void,
): WriteSession {
  let count = 0;
  let marked = false;
  let lost: Error | undefined;
  let current: SessionTransaction | undefined;
  const own = new SessionTransaction(sequelize, connection);

  return { begin, keep, forget, own, commit, abandon };

  async function begin(): Promise<Transaction> {
    if (count > 0) {
      send(marked ? "RELEASE work; SAVEPOINT work" : "SAVEPOINT work");
      marked = true;
    }
    count += 1;
    current = new SessionTransaction(sequelize, connection);
    return current;
  }

  function keep(): void {
    current?.finish("commit");
  }

  async function forget(): Promise<void> {
    current?.finish("rollback");
    if (marked) {
      await execute(connection, "ROLLBACK TO work");
    } else {
      count = 0;
      await execute(connection, "ROLLBACK");
      await execute(connection, "BEGIN IMMEDIATE");
    }
    if (lost) {
      throw lost;
    }
  }

  async function commit(): Promise<void> {
    own.finish("commit");
    if (lost) {
      throw lost;
    }
    await execute(connection, "COMMIT");
  }

  async function abandon(): Promise<void> {
    current?.finish("rollback");
    own.finish("rollback");
    try {
      await execute(connection, "ROLLBACK");
    } catch {
      // SQLite rolls back by itself on a full disk; then only a new connection is known to be clean.
      lose();
      connection.close(() => undefined);
    }
  }

  function send(sql: string): void {
    connection.exec(sql, (error) => {
      lost ??= error ?? undefined;
    });
  }
}

function connect(file: string, options: ConnectionOptions): Promise<SqliteConnection> {
  return new Promise((done, fail) => {
    const connection: SqliteConnection = new SqliteConnection(
      file,
      sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE,
      options,
      (error) => (error ? fail(error) : done(connection)),
    );
  });
}

/** A lock of the operating system on a file of its own: whatever ends the process, it is free again. */
function lockForever(file: string): Promise<sqlite3.Database> {
  return new Promise((done, fail) => {
    const lock: sqlite3.Database = new sqlite3.Database(file, (unopened) => {
      if (unopened) {
        fail(unopened);
        return;
      }
      lock.configure("busyTimeout", SOLE_USE_TIMEOUT_MS);
      lock.exec("BEGIN EXCLUSIVE", (refused) => {
        if (refused) {
          lock.close(() => fail(refused));
        } else {
          done(lock);
        }
      });
    });
  });
}

function execute(connection: SqliteConnection, sql: string): Promise<void> {
  return new Promise((done, fail) => {
    connection.exec(sql, (error) => (error ? fail(error) : done()));
  });
}

/** A fault of an SQLite file as an error in words; undefined for anything else. */
export function storageFault(error: unknown): InstanceType<typeof StorageUnavailable> | undefined {
  const fault = sqliteFault(error);
  return (
    fault && new StorageUnavailable({ why: fault.why }, { cause: error, remedy: fault.remedy })
  );
}

interface Fault {
  readonly why: string;
  readonly remedy: string;
}

const LOOK_AT_DISK = "Check the disk and its file system, then try again.";
const FAULTS: Readonly<Record<string, Fault>> = {
  SQLITE_FULL: { why: "the disk is full", remedy: "Free some space, then try again." },
  SQLITE_IOERR: { why: "the disk reports an error", remedy: LOOK_AT_DISK },
  SQLITE_READONLY: {
    why: "the file is read-only",
    remedy: "Let the user that runs Slipway write the file and its folder.",
  },
  SQLITE_CANTOPEN: {
    why: "the file cannot be opened",
    remedy: "Let the user that runs Slipway read and write the file and its folder.",
  },
  SQLITE_PERM: {
    why: "the file may not be accessed",
    remedy: "Let the user that runs Slipway read and write the file and its folder.",
  },
  SQLITE_BUSY: {
    why: "another process keeps it locked",
    remedy: "End the other process that uses this file, or wait for it, then try again.",
  },
  SQLITE_NOTADB: {
    why: "the file is not an SQLite database",
    remedy: "Name another file in database.url, or restore a backup.",
  },
  SQLITE_CORRUPT: { why: "the file is damaged", remedy: "Stop Slipway and restore a backup." },
};

function sqliteFault(error: unknown): Fault | undefined {
  const code = sqliteCode(error);
  return code === undefined ? undefined : FAULTS[code];
}

/** The code of the driver's error, however deep Sequelize has wrapped it. */
function sqliteCode(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 5; depth += 1) {
    if ("code" in at && typeof at.code === "string" && at.code.startsWith("SQLITE_")) {
      return at.code;
    }
    at = "parent" in at ? at.parent : at.cause;
  }
  return undefined;
}
