import type { PostgresAddress } from "./postgres-address.ts";

/** What is wrong with the storage, in words for a person. */
export interface Fault {
  readonly why: string;
  readonly remedy: string;
}

const WAIT = "Wait a moment, then try again.";
const SEE_SERVER = "Look at the log of the PostgreSQL server, then try again.";
const MORE_CONNECTIONS =
  "Lower database.pool here or at other clients, or raise max_connections on the server.";

/** By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) or the code of a socket's error. */
const FAULTS: Readonly<Record<string, (address: PostgresAddress) => Fault>> = {
  ECONNREFUSED: ({ location }) => ({
    why: `nothing answers at ${location}`,
    remedy: "Start PostgreSQL, or correct host and port in database.url.",
  }),
  ENOENT: ({ location }) => ({
    why: `there is no socket for ${location}`,
    remedy: "Start PostgreSQL, or correct the folder of the socket in database.url.",
  }),
  EACCES: ({ location }) => ({
    why: `the socket for ${location} may not be used`,
    remedy: "Let the user that runs Slipway use it.",
  }),
  ENOTFOUND: ({ host }) => ({
    why: `the name ${host} is not known`,
    remedy: "Correct the host in database.url, or look at the name server.",
  }),
  EAI_AGAIN: ({ host }) => ({
    why: `the name ${host} could not be looked up`,
    remedy: "Look at the name server, then try again.",
  }),
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: ({ location }) => ({
    why: `${location} does not answer in time`,
    remedy: "Look at the network between Slipway and PostgreSQL, and at the server.",
  }),
  ECONNRESET: lostConnection,
  EPIPE: lostConnection,
  "08000": lostConnection,
  "08003": lostConnection,
  "08006": lostConnection,
  "57P01": () => ({ why: "PostgreSQL is being stopped or ended our connection", remedy: WAIT }),
  "57P02": () => ({ why: "PostgreSQL crashed and is recovering", remedy: WAIT }),
  "57P03": () => ({ why: "PostgreSQL is starting or stopping", remedy: WAIT }),
  "57P05": lostConnection,
  "53300": () => ({ why: "PostgreSQL has no connection left", remedy: MORE_CONNECTIONS }),
  POOL_EMPTY: () => ({
    why: "all connections of this process are in use",
    remedy: "Try again; if it keeps happening, raise database.pool.",
  }),
  "53100": () => ({
    why: "the disk of the PostgreSQL server is full",
    remedy: "Free some space there, then try again.",
  }),
  "53200": () => ({ why: "the PostgreSQL server is out of memory", remedy: SEE_SERVER }),
  "53400": () => ({ why: "a limit of the PostgreSQL server is reached", remedy: SEE_SERVER }),
  "25006": () => ({
    why: "the PostgreSQL server is read-only, as a standby is",
    remedy: "Wait for the end of the failover, or let database.url name the primary.",
  }),
  "57014": () => ({
    why: "a statement took too long and was stopped",
    remedy:
      "Try again; if it keeps happening, look at the load of the server or raise database.statement_timeout.",
  }),
  "55P03": () => ({
    why: "another process keeps it locked",
    remedy: "Wait for the other process, or end it, then try again.",
  }),
  "25P03": () => ({
    why: "a transaction did nothing for too long and was ended",
    remedy: "Try again; if it keeps happening, look at the load of this machine.",
  }),
  "40001": () => ({ why: "others kept changing the same rows", remedy: WAIT }),
  "40P01": () => ({ why: "others kept waiting for the same rows", remedy: WAIT }),
  "28P01": refused,
  "28000": refused,
  "3D000": ({ database }) => ({
    why: `there is no database called ${database}`,
    remedy: `Make it: CREATE DATABASE ${database} OWNER …, as shared/docs/connect-postgresql.md shows.`,
  }),
  "42501": ({ user }) => ({
    why: `the role ${user} may not do that`,
    remedy: "Let the role own the database, as shared/docs/connect-postgresql.md shows.",
  }),
  "58P01": () => ({ why: "the PostgreSQL server misses a file", remedy: SEE_SERVER }),
  "58030": () => ({
    why: "the disk of the PostgreSQL server reports an error",
    remedy: SEE_SERVER,
  }),
  XX001: () => ({
    why: "data of the PostgreSQL server is damaged",
    remedy: "Stop Slipway and restore a backup.",
  }),
  XX002: () => ({ why: "an index of the PostgreSQL server is damaged", remedy: SEE_SERVER }),
  TLS_UNSUPPORTED: () => ({
    why: "the server speaks no TLS",
    remedy: "Switch TLS on at the server, or take sslmode out of database.url.",
  }),
  TLS_CERTIFICATE: () => ({
    why: "the certificate of the server cannot be trusted",
    remedy:
      "Name the authority that signed it with sslrootcert=<file>, or correct the host in database.url.",
  }),
};

/** The connection is of no use any more, and the server may or may not have finished what it was told last. */
const LOST: ReadonlySet<string> = new Set([
  ...["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"],
  ...["ENOTFOUND", "EAI_AGAIN", "08000", "08003", "08006", "57P01", "57P02", "57P03", "57P05"],
  ...["25P03", "53300"],
]);

/** What went wrong leaves nothing behind and is often over a moment later. */
const TRANSIENT: ReadonlySet<string> = new Set([...LOST, "40001", "40P01", "25006"]);

/** The fault of the storage behind an error, or undefined when it is something else. */
export function postgresFault(error: unknown, address: PostgresAddress): Fault | undefined {
  const code = faultCode(error);
  return code === undefined ? undefined : FAULTS[code]?.(address);
}

/** Whether the connection was lost, so that only the server knows what became of the last statement. */
export function isConnectionLost(error: unknown): boolean {
  const code = faultCode(error);
  return code !== undefined && LOST.has(code);
}

/** Whether the same transaction, begun anew, may succeed. */
export function isTransientFault(error: unknown): boolean {
  const code = faultCode(error);
  return code !== undefined && TRANSIENT.has(code);
}

/** Whether the server is one that only reads, e.g. the former primary after a failover. */
export function isReadOnly(error: unknown): boolean {
  return faultCode(error) === "25006";
}

/** Errors of the driver that have no code, by what they say. */
const BY_MESSAGE: readonly (readonly [RegExp, string])[] = [
  [
    /^Connection terminated due to connection timeout|^timeout expired|Query read timeout/,
    "ETIMEDOUT",
  ],
  [/Connection terminated|not queryable|Client was closed|Connection timed out/, "ECONNRESET"],
  [/server does not support SSL/, "TLS_UNSUPPORTED"],
];

/** SQLSTATE, code of the socket's error, or our own name of a fault, however deep Sequelize has wrapped it. */
function faultCode(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 6; depth += 1) {
    const code = "code" in at && typeof at.code === "string" ? at.code : undefined;
    if (code !== undefined && code in FAULTS) {
      return code;
    }
    if (code !== undefined && /^(?:ERR_TLS|CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO)/.test(code)) {
      return "TLS_CERTIFICATE";
    }
    if (at.name === "SequelizeConnectionAcquireTimeoutError") {
      return "POOL_EMPTY";
    }
    const { message } = at;
    const told = BY_MESSAGE.find(([pattern]) => pattern.test(message));
    if (told && !("parent" in at)) {
      return told[1];
    }
    if (at instanceof AggregateError && at.errors.length > 0) {
      // A name with several addresses, e.g. ::1 and 127.0.0.1: each was tried.
      at = at.errors.at(-1);
    } else {
      at = "parent" in at ? at.parent : at.cause;
    }
  }
  return undefined;
}

function unreachable({ location }: PostgresAddress): Fault {
  return {
    why: `${location} cannot be reached`,
    remedy: "Look at the network between Slipway and PostgreSQL.",
  };
}

function lostConnection(): Fault {
  return { why: "the connection to PostgreSQL broke", remedy: WAIT };
}

function refused({ user, location }: PostgresAddress): Fault {
  return {
    why: `${location} refuses the role ${user}`,
    remedy: "Correct user and password in database.url, or pg_hba.conf on the server.",
  };
}
