import type { Client } from "pg";
import { QueryTypes, Sequelize, type QueryOptions } from "sequelize";
import {
  CommitOutcomeUnknown,
  DatabaseUnusable,
  StorageUnavailable,
} from "../../errors/catalog.ts";
import type { AppError } from "../../errors/app-error.ts";
import type { Dialect } from "../dialect.types.ts";
import { MOST_ATTEMPTS, pauseAfter } from "../second-attempts.ts";
import { SessionTransaction } from "../session-transaction.ts";
import { createBossDeadJobs } from "./boss-dead-jobs.ts";
import { createBossQueue, createBossStore } from "./boss-work-queue.ts";
import type { PostgresAddress } from "./postgres-address.ts";
import {
  connectionOptions,
  connectPostgres,
  driver,
  type PostgresTimeouts,
} from "./postgres-connection.ts";
import { isConnectionLost, isTransientFault, postgresFault } from "./postgres-faults.ts";
import { createPostgresSignals } from "./postgres-signals.ts";
import { openPostgresSession, TURN_LOCK, type TransactionMark } from "./postgres-session.ts";
import { createSlots } from "./slots.ts";

export interface PostgresOptions {
  readonly busyTimeoutMs?: number | undefined;
  readonly poolSize?: number | undefined;
  readonly connectTimeoutMs?: number | undefined;
  readonly statementTimeoutMs?: number | undefined;
  readonly idleInTransactionTimeoutMs?: number | undefined;
}

const POOL_SIZE = 10;
const BUSY_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000;
/** Connections nobody has used for this long are closed. */
const IDLE_CONNECTION_MS = 60_000;
/** How long the server is asked what became of a commit before its callers hear that nobody knows. */
const OUTCOME_PATIENCE_MS = 20_000;
const OUTCOME_PAUSE_MS = 200;

/** The oldest version that can tell what became of a transaction. */
const OLDEST_VERSION = 13;

/** A dialect over one PostgreSQL database, connected lazily; connections that are lost are made again when needed. */
export function createPostgresDialect(
  address: PostgresAddress,
  options: PostgresOptions = {},
): Dialect {
  const poolSize = options.poolSize ?? POOL_SIZE;
  const timeouts: PostgresTimeouts = {
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    statementTimeoutMs: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    idleInTransactionTimeoutMs:
      options.idleInTransactionTimeoutMs ?? IDLE_IN_TRANSACTION_TIMEOUT_MS,
    lockTimeoutMs: options.busyTimeoutMs ?? BUSY_TIMEOUT_MS,
  };
  const sequelize = new Sequelize({
    dialect: "postgres",
    dialectModule: driver,
    host: address.host,
    port: address.port,
    database: address.database,
    username: address.user,
    ...(address.password === undefined ? {} : { password: address.password }),
    dialectOptions: connectionOptions(address, timeouts),
    pool: {
      max: poolSize,
      min: 0,
      idle: IDLE_CONNECTION_MS,
      acquire: timeouts.connectTimeoutMs + timeouts.lockTimeoutMs,
    },
    logging: false,
    retry: { max: 1 },
  });
  const query = sequelize.query.bind(sequelize);
  sequelize.query = readPatiently as typeof sequelize.query;
  // Half of the connections stay free for reading, so that works never wait for a connection that other works hold.
  const beside = createSlots(Math.max(1, Math.floor(poolSize / 2) - 1));

  return {
    name: "postgres",
    location: address.location,
    sequelize,
    servesManyWriters: true,
    storageFault,
    isTransient: isTransientFault,

    async openSession(sessionOptions = {}) {
      const leave = sessionOptions.inTurn === false ? await beside.enter() : () => undefined;
      try {
        return await openPostgresSession(
          { sequelize, wasKept, forgetConnections, onEnd: leave },
          sessionOptions,
        );
      } catch (error) {
        leave();
        throw error;
      }
    },

    async exclusively(work) {
      // Indexes on large tables take their time.
      const client = await connectPostgres(address, { ...timeouts, statementTimeoutMs: 0 });
      const transaction = new SessionTransaction(sequelize, client);
      try {
        await client.query(
          // Whoever starts beside this one waits for it, however long it takes.
          "BEGIN; SET LOCAL lock_timeout = 0; " + `SELECT pg_advisory_xact_lock(${TURN_LOCK})`,
        );
        const result = await work(transaction);
        await client.query("COMMIT");
        return result;
      } catch (error) {
        throw storageFault(error) ?? error;
      } finally {
        // Closing gives up whatever was not committed.
        transaction.finish("rollback");
        await client.end().catch(() => undefined);
      }
    },

    async settleTables(transaction) {
      await sequelize.query(SETTLE_COLUMNS, { transaction });
    },

    async probe() {
      let client: Client | undefined;
      try {
        client = await connectPostgres(address, timeouts);
        const { rows } = await client.query<ServerFacts>(SERVER_FACTS);
        const reason = rows[0] && obstacle(rows[0]);
        if (reason) {
          throw new DatabaseUnusable({ database: address.location, why: reason.why }, reason);
        }
      } catch (error) {
        const fault = postgresFault(error, address);
        throw error instanceof DatabaseUnusable
          ? error
          : new DatabaseUnusable(
              { database: address.location, why: fault?.why ?? "it cannot be opened" },
              { cause: error, remedy: fault?.remedy ?? "Look at the log for the reason." },
            );
      } finally {
        await client?.end().catch(() => undefined);
      }
    },

    async openSignals(deps) {
      const connect = () => connectPostgres(address, timeouts);
      const signals = createPostgresSignals({ sequelize, connect, ...deps });
      if (deps.listens) {
        await signals.start();
      }
      return signals;
    },

    openJobs(deps) {
      const store = createBossStore({ sequelize, ...deps });
      return {
        ...store,
        deadJobs: () => createBossDeadJobs({ sequelize, store }),
        createQueue: (parts) => createBossQueue({ sequelize, store, ...parts }),
      };
    },

    claimSoleUse: () => Promise.resolve(false),

    async close() {
      await sequelize.close();
    },
  };

  /**
   * What is asked outside of a transaction is only read, so it can be asked again after the connection was lost: idle ones are
   * found dead at their next use. Inside, the unit of work decides.
   */
  async function readPatiently(
    sql: Parameters<typeof query>[0],
    options?: QueryOptions,
  ): Promise<unknown> {
    for (let attempts = 1; ; attempts += 1) {
      try {
        return await query(sql, options);
      } catch (error) {
        if (options?.transaction) {
          throw error;
        }
        if (attempts === MOST_ATTEMPTS || !isRead(sql, options) || !isConnectionLost(error)) {
          throw storageFault(error) ?? error;
        }
      }
      await pauseAfter(attempts);
    }
  }

  function storageFault(error: unknown): AppError | undefined {
    if (error instanceof CommitOutcomeUnknown) {
      return error;
    }
    const fault = postgresFault(error, address);
    return (
      fault && new StorageUnavailable({ why: fault.why }, { cause: error, remedy: fault.remedy })
    );
  }

  function forgetConnections(): void {
    const { pool } = sequelize.connectionManager as unknown as {
      readonly pool: { destroyAllNow(): Promise<void> };
    };
    pool.destroyAllNow().catch(() => undefined);
  }

  /**
   * Asks the server until it knows. A fact of the transaction that is there proves that all of it is, on whatever server we
   * find now. Without one, the server knows the transaction by its number, as long as it is the same server, not restarted:
   * a crash gives numbers out again. Only a transaction without facts on a server that crashed stays unknown.
   */
  async function wasKept(mark: TransactionMark, fact: string | undefined): Promise<boolean> {
    const until = performance.now() + OUTCOME_PATIENCE_MS;
    let cause: unknown;
    do {
      try {
        const outcome = await askOutcome(mark, fact);
        if (outcome === "unknowable") {
          break;
        }
        if (outcome !== "pending") {
          return outcome === "kept";
        }
      } catch (error) {
        cause = error;
      }
      await new Promise((done) => setTimeout(done, OUTCOME_PAUSE_MS));
    } while (performance.now() < until);
    throw new CommitOutcomeUnknown({}, { cause });
  }

  async function askOutcome(
    { xid, server }: TransactionMark,
    fact: string | undefined,
  ): Promise<"kept" | "gone" | "pending" | "unknowable"> {
    const client = await connectPostgres(address, timeouts);
    try {
      // Asked before the fact is looked for: a transaction that has ended shows its facts afterwards.
      const { rows } = await client.query<{
        same: boolean;
        status: string | null;
        standby: boolean;
      }>(
        `SELECT pg_postmaster_start_time()::text = $1 AS same, pg_is_in_recovery() AS standby,
           CASE WHEN pg_postmaster_start_time()::text = $1 THEN pg_xact_status($2::xid8) END AS status`,
        [server, xid],
      );
      const found = rows[0];
      if (found?.same === true && found.status !== null) {
        return STATUS[found.status] ?? "unknowable";
      }
      if (fact === undefined) {
        return "unknowable";
      }
      const { rowCount } = await client.query("SELECT 1 FROM events WHERE id = $1", [fact]);
      if (rowCount === 1) {
        return "kept";
      }
      // A standby that takes over may still have to apply what it received.
      return found?.standby === true ? "pending" : "gone";
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

function isRead(sql: string | { query: string }, options: QueryOptions | undefined): boolean {
  const text = typeof sql === "string" ? sql : sql.query;
  return options?.type === QueryTypes.SELECT || /^\s*SELECT\b/i.test(text);
}

const STATUS: Readonly<Record<string, "kept" | "gone" | "pending">> = {
  committed: "kept",
  aborted: "gone",
  "in progress": "pending",
};

interface ServerFacts {
  readonly version: number;
  readonly encoding: string;
  readonly standby: boolean;
  readonly mayCreate: boolean | null;
}

const SERVER_FACTS = `SELECT current_setting('server_version_num')::int / 10000 AS version,
  current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby,
  has_schema_privilege(current_schema(), 'CREATE') AS "mayCreate"`;

function obstacle(
  facts: ServerFacts,
): { readonly why: string; readonly remedy: string } | undefined {
  if (facts.version < OLDEST_VERSION) {
    return {
      why: `PostgreSQL ${facts.version} is too old`,
      remedy: `Use PostgreSQL ${OLDEST_VERSION} or newer.`,
    };
  }
  if (facts.encoding !== "UTF8") {
    return {
      why: `its encoding is ${facts.encoding}, which cannot hold every text`,
      remedy: "Make a database with ENCODING 'UTF8' and TEMPLATE template0.",
    };
  }
  if (facts.standby) {
    return {
      why: "it is a standby, which only reads",
      remedy: "Let database.url name the primary.",
    };
  }
  if (facts.mayCreate !== true) {
    return {
      why: "the role may not make tables in it",
      remedy: "Let the role own the database, as shared/docs/connect-postgresql.md shows.",
    };
  }
  return undefined;
}

/**
 * Makes columns mean what they mean on SQLite, whatever type a migration gave them: text has no length and sorts by code
 * points (so lists come in the same order on every server, whatever its locale), an id is any text, a whole number has 64
 * bits. Tables are small or new when a migration has just made them, so rewriting costs nothing.
 */
const SETTLE_COLUMNS = `DO $settle$
DECLARE
  each record;
BEGIN
  FOR each IN
    SELECT c.table_name, string_agg(
      format('ALTER COLUMN %I TYPE %s', c.column_name,
        CASE c.data_type WHEN 'integer' THEN 'bigint' ELSE 'text COLLATE "C"' END), ', ') AS changes
    FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.is_generated = 'NEVER'
      AND (c.data_type IN ('integer', 'uuid', 'character varying')
        OR (c.data_type = 'text' AND c.collation_name IS DISTINCT FROM 'C'))
    GROUP BY c.table_name
  LOOP
    EXECUTE format('ALTER TABLE %I %s', each.table_name, each.changes);
  END LOOP;
  FOR each IN
    SELECT sequencename FROM pg_sequences
    WHERE schemaname = current_schema() AND data_type = 'integer'::regtype
  LOOP
    EXECUTE format('ALTER SEQUENCE %I AS bigint', each.sequencename);
  END LOOP;
END
$settle$`;
