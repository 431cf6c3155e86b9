import type { Client, QueryResult } from "pg";
import type { Sequelize, Transaction } from "sequelize";
import type { SessionOptions, WriteSession } from "../dialect.types.ts";
import { SessionTransaction } from "../session-transaction.ts";
import { isConnectionLost, isReadOnly } from "./postgres-faults.ts";

/**
 * The lock whose holder has the turn to write, and under which facts are appended. It ends with the transaction, so it ends
 * with the process, the connection and the server too. Any number will do, as long as nobody else in this database uses it.
 */
export const TURN_LOCK = 5_318_008_742_113;

/** A transaction as the server knows it, to ask what became of it. */
export interface TransactionMark {
  readonly xid: string;
  /** When the server was started, to the microsecond: after a restart or on another server the xid means nothing. */
  readonly server: string;
}

export interface SessionDeps {
  readonly sequelize: Sequelize;
  /** Whether a transaction whose COMMIT was not answered was kept. Throws CommitOutcomeUnknown. */
  readonly wasKept: (mark: TransactionMark, fact: string | undefined) => Promise<boolean>;
  /** Lets go of every idle connection: they lead to a server that cannot be used. */
  readonly forgetConnections: () => void;
  readonly onEnd: () => void;
}

/**
 * Begins a write transaction on a connection of the pool.
 *
 * The isolation is READ COMMITTED, under the turn lock, which is taken before the first statement reads anything. So works
 * in turn are serial, over all processes: each sees everything that was committed before it, and nothing changes under it.
 * Lost updates and write skew between them are impossible, not detected; there is nothing to repeat, and the rules in
 * `shared/app` may read, decide and write as they do on SQLite. (SERIALIZABLE would promise the same by aborting works that
 * touch the same index pages, which in tables as small as ours is nearly every pair, and its snapshot is too old to read the
 * head of the chain.) Works out of turn rely on single statements that compare and set, on `SKIP LOCKED` and on unique
 * indexes, which READ COMMITTED checks against what is committed at that moment.
 */
export async function openPostgresSession(
  deps: SessionDeps,
  { inTurn = true }: SessionOptions = {},
): Promise<WriteSession> {
  const { sequelize } = deps;
  const pool = sequelize.connectionManager;
  const connection = (await pool.getConnection({ type: "write" })) as Client;
  let mark: TransactionMark;
  try {
    mark = await beginTransaction();
  } catch (error) {
    await giveBack(error);
    throw error;
  }

  let count = 0;
  let marked = false;
  let isOver = false;
  let current: SessionTransaction | undefined;
  const own = new SessionTransaction(sequelize, connection);
  return { begin, keep, forget, own, commit, abandon };

  async function begin(): Promise<Transaction> {
    if (count > 0) {
      await connection.query(marked ? "RELEASE work; SAVEPOINT work" : "SAVEPOINT work");
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
      await connection.query("ROLLBACK TO work");
    } else {
      count = 0;
      await connection.query("ROLLBACK");
      mark = await beginTransaction();
    }
  }

  /**
   * A COMMIT whose answer is lost must not simply be repeated: the server may have kept everything and only the answer went
   * missing, and then the works would be done twice. So the server is asked, see `wasKept`; only a transaction that is known
   * to be gone counts as a failure after which the works may be run again.
   */
  async function commit(fact?: string): Promise<void> {
    own.finish("commit");
    let result: QueryResult;
    try {
      result = await connection.query("COMMIT");
    } catch (error) {
      await end(error);
      if (isConnectionLost(error) && (await deps.wasKept(mark, fact))) {
        return;
      }
      throw error;
    }
    await end();
    if (result.command !== "COMMIT") {
      // A statement failed and whoever ran it went on: the server rolls back and says so only here.
      throw new Error("the transaction was given up because one of its statements had failed");
    }
  }

  async function abandon(): Promise<void> {
    current?.finish("rollback");
    own.finish("rollback");
    if (isOver) {
      return;
    }
    try {
      await connection.query("ROLLBACK");
      await end();
    } catch (error) {
      await end(error);
    }
  }

  async function beginTransaction(): Promise<TransactionMark> {
    const turn = inTurn ? `pg_advisory_xact_lock(${TURN_LOCK}), ` : "";
    // One message, so that taking turns costs no round trip more.
    const results = (await connection.query(
      "BEGIN ISOLATION LEVEL READ COMMITTED; " +
        `SELECT ${turn}pg_current_xact_id()::text AS xid, pg_postmaster_start_time()::text AS server`,
    )) as unknown as readonly QueryResult<TransactionMark>[];
    const begun = results.at(-1)?.rows[0];
    if (!begun) {
      throw new Error("PostgreSQL did not say which transaction was begun");
    }
    return { xid: begun.xid, server: begun.server };
  }

  async function end(failure?: unknown): Promise<void> {
    isOver = true;
    await giveBack(failure);
  }

  /** After a failure only a new connection is known to be clean. */
  async function giveBack(failure?: unknown): Promise<void> {
    if (failure === undefined) {
      pool.releaseConnection(connection);
    } else {
      await pool.destroyConnection(connection).catch(() => undefined);
      if (isConnectionLost(failure) || isReadOnly(failure)) {
        deps.forgetConnections();
      }
    }
    deps.onEnd();
  }
}
