import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Sequelize, Transaction } from "sequelize";
import sqlite3 from "sqlite3";
import type { AppError } from "../errors/app-error.ts";
import { DatabaseInUse, DatabaseUnusable, StorageUnavailable } from "../errors/catalog.ts";

/**
 * Everything that differs between database engines, and nothing else. The rest of the code sees Sequelize and the two
 * promises below: how a write transaction is had, and what a fault of the storage is called.
 */
export interface Dialect {
  readonly name: "sqlite";
  /** Where the data is, for messages; never with a password. */
  readonly location: string;
  readonly sequelize: Sequelize;
  /** How many works may share one transaction. 1 where the engine serves many writers at once. */
  readonly worksPerCommit: number;
  /** Begins a write transaction. Throws StorageUnavailable. */
  openSession(): Promise<WriteSession>;
  /** Begins, under a lock that keeps other processes out, whatever must happen once for the whole database. */
  exclusively<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Looks whether the database can be used at all. Throws DatabaseUnusable. */
  probe(): Promise<void>;
  /**
   * Keeps out every other process that asks for the same, until this one closes or ends, however it ends. False where many
   * processes may serve one database. Throws DatabaseInUse.
   */
  claimSoleUse(): Promise<boolean>;
  /** The fault of the storage behind an error, or undefined when the error is something else (a broken rule, a bug). */
  storageFault(error: unknown): AppError | undefined;
  close(): Promise<void>;
}

/** One write transaction shared by works that run one after the other. */
export interface WriteSession {
  /** Begins a work; what it writes can be forgotten without touching the works before it. */
  begin(): Transaction;
  /** Ends the current work and keeps what it wrote. */
  keep(): void;
  /** Ends the current work and forgets what it wrote. Throws when the whole transaction is lost. */
  forget(): Promise<void>;
  /** For what belongs to no single work, e.g. the facts of all of them. */
  readonly own: Transaction;
  /** Makes everything durable. When it throws, nothing was kept. */
  commit(): Promise<void>;
  /** Gives everything up; never throws. */
  abandon(): Promise<void>;
}

/** Finds the dialect of a database URL and connects lazily. Throws DatabaseUnusable for a URL that cannot be served. */
export function createDialect(
  url: string,
  options: {
    /** Longest wait for another process that writes, e.g. `slipway token` beside the server; 10 s by default. */
    readonly busyTimeoutMs?: number;
  } = {},
): Dialect {
  const file = sqliteFile(url);
  if (file === undefined) {
    throw new DatabaseUnusable(
      { database: withoutPassword(url), why: "only sqlite:<file> can be used" },
      { remedy: "Set database.url to something like sqlite:./data/slipway.db." },
    );
  }
  return createSqlite(file, options.busyTimeoutMs ?? BUSY_TIMEOUT_MS);
}

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

function createSqlite(file: string, busyTimeoutMs: number): Dialect {
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
    worksPerCommit: 64,
    storageFault,

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
        const transaction = new SqliteTransaction(sequelize, connection);
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
  let current: SqliteTransaction | undefined;
  const own = new SqliteTransaction(sequelize, connection);

  return { begin, keep, forget, own, commit, abandon };

  function begin(): Transaction {
    if (count > 0) {
      send(marked ? "RELEASE work; SAVEPOINT work" : "SAVEPOINT work");
      marked = true;
    }
    count += 1;
    current = new SqliteTransaction(sequelize, connection);
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

/** What Sequelize needs to run a query on the writing connection, without its own connection per transaction. */
class SqliteTransaction extends Transaction {
  declare connection: SqliteConnection;
  declare finished: "commit" | "rollback" | undefined;

  constructor(sequelize: Sequelize, connection: SqliteConnection) {
    super(sequelize, { type: Transaction.TYPES.IMMEDIATE });
    this.connection = connection;
  }

  /** From now on Sequelize refuses queries with it: a statement that comes late must not land in another work. */
  finish(how: "commit" | "rollback"): void {
    this.finished = how;
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

/** The absolute file of `sqlite:<path>`; undefined when the URL is of another kind. */
function sqliteFile(url: string): string | undefined {
  const path = /^sqlite:(?:\/\/)?(.+)$/.exec(url)?.[1];
  // A database in memory has a single connection: nothing could be read while something is written.
  return path === undefined || path.startsWith(":memory:") ? undefined : resolve(path);
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, "//…@");
}
