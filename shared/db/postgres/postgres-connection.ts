import pg from "pg";
import type { PostgresAddress } from "./postgres-address.ts";

/** How long this process waits for PostgreSQL. Milliseconds; 0 means for ever. */
export interface PostgresTimeouts {
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  readonly idleInTransactionTimeoutMs: number;
  /** Longest wait for a lock, the turn to write among them. */
  readonly lockTimeoutMs: number;
}

/** A statement whose answer is this much overdue lost its server, e.g. in a failover that closed no connection. */
const ANSWER_MARGIN_MS = 5_000;

const INT8 = 20;
const NUMERIC = 1700;

/**
 * The driver's reading of values, with one difference: whole numbers of 64 bits, counts and sums are numbers and not text.
 * Nothing we count reaches 2^53.
 */
const types: typeof pg.types = {
  ...pg.types,
  getTypeParser: (oid: number, format?: "text" | "binary"): unknown =>
    oid === INT8 || oid === NUMERIC ? Number : pg.types.getTypeParser(oid, format),
};

/** The driver as Sequelize takes it. */
export const driver = { ...pg, types };

/** Settings of a connection that Sequelize takes beside the address. */
export function connectionOptions(address: PostgresAddress, timeouts: PostgresTimeouts) {
  const { statementTimeoutMs } = timeouts;
  return {
    application_name: "slipway",
    keepAlive: true,
    connectionTimeoutMillis: timeouts.connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs === 0 ? 0 : statementTimeoutMs + ANSWER_MARGIN_MS,
    lock_timeout: timeouts.lockTimeoutMs,
    idle_in_transaction_session_timeout: timeouts.idleInTransactionTimeoutMs,
    ...(address.tls === false ? {} : { ssl: address.tls }),
  };
}

/**
 * A connection of its own, outside the pool, for what must not wait for the pool or hold one of its connections for long:
 * LISTEN, leases, looking after a lost commit. The caller ends it, and hears of its end by its `error` event, which is never
 * thrown.
 */
export async function connectPostgres(
  address: PostgresAddress,
  timeouts: PostgresTimeouts,
): Promise<pg.Client> {
  const { host, port, database, user, password } = address;
  const client = new pg.Client({
    host,
    port,
    database,
    user,
    ...(password === undefined ? {} : { password }),
    types,
    ...connectionOptions(address, timeouts),
  });
  // Without a listener the loss of an idle connection would end the process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    await client.query("SET TIME ZONE 'UTC'; SET client_min_messages TO warning");
  } catch (error) {
    client.end().catch(() => undefined);
    throw error;
  }
  return client;
}
