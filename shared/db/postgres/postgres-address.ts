import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { DatabaseUnusable } from "../../errors/catalog.ts";

/** Where a PostgreSQL database is and as whom it is used. Holds the password: never log it. */
export interface PostgresAddress {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Undefined: none is sent, or the one from PGPASSWORD or ~/.pgpass. */
  readonly password: string | undefined;
  /** False: in the clear. */
  readonly tls: false | TlsOptions;
  /** For messages: without user and password. */
  readonly location: string;
}

/** As `sslmode` of every other client of PostgreSQL means them; "prefer" is missing, because it promises nothing. */
const TLS_MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
const PARAMETERS = ["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"] as const;
const DEFAULT_PORT = 5432;

/**
 * Reads `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=<file>`. A socket is named by its folder:
 * `postgres:///slipway?host=/run/postgresql`. Throws DatabaseUnusable, never with the password.
 */
export function readPostgresUrl(url: string): PostgresAddress {
  const refuse = (why: string, remedy: string) =>
    new DatabaseUnusable({ database: withoutPassword(url), why }, { remedy });
  let parsed: URL;
  try {
    // Other clients of PostgreSQL take a user without a host too: postgres://me@/slipway?host=/run/postgresql.
    parsed = new URL(url.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=\/)/, "$1localhost"));
  } catch {
    throw refuse(
      "its address cannot be read",
      "Write postgres://<user>:<password>@<host>/<database>, with every special character of the password percent-encoded.",
    );
  }
  const parameters = new Map(parsed.searchParams);
  const unknown = [...parameters.keys()].filter((key) => !PARAMETERS.some((one) => one === key));
  if (unknown.length > 0) {
    throw refuse(
      `its address has parameters nobody knows here: ${unknown.join(", ")}`,
      `Use ${PARAMETERS.join(", ")} only; pool and timeouts are keys beside database.url.`,
    );
  }
  const database = decode(parsed.pathname.slice(1));
  if (database === "" || database.includes("/")) {
    throw refuse(
      "its address names no database",
      "Write postgres://<user>:<password>@<host>/<database>.",
    );
  }
  const host = decode(parameters.get("host") ?? parsed.hostname.replace(/^\[(.*)\]$/, "$1"));
  const port = Number(parameters.get("port") ?? parsed.port) || DEFAULT_PORT;
  const isSocket = host.startsWith("/");
  const named = host === "" ? "localhost" : host;
  return {
    host: named,
    port,
    database,
    user: parsed.username === "" ? userInfo().username : decode(parsed.username),
    password: parsed.password === "" ? undefined : decode(parsed.password),
    tls: isSocket ? false : tlsOptions(parameters, refuse),
    location: isSocket ? `${database} at ${named}` : `${bracketed(named)}:${port}/${database}`,
  };
}

/** A database URL that may be shown. */
export function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/, "//…@").replace(/\?.*$/, "");
}

type Refuse = (why: string, remedy: string) => Error;

function tlsOptions(parameters: ReadonlyMap<string, string>, refuse: Refuse): false | TlsOptions {
  const mode = parameters.get("sslmode") ?? "disable";
  const file = (key: (typeof PARAMETERS)[number]): string | undefined => {
    const path = parameters.get(key);
    try {
      return path === undefined ? undefined : readFileSync(path, "utf8");
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
      throw refuse(
        `the file ${path ?? ""} of ${key} cannot be read (${code})`,
        "Let the user that runs Slipway read it, or name another file.",
      );
    }
  };
  const own = { cert: file("sslcert"), key: file("sslkey") };
  const client = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined));
  const ca = file("sslrootcert");
  const authority = ca === undefined ? {} : { ca };
  switch (mode) {
    case "disable":
      return false;
    case "require":
      // Encrypted, but anybody may be at the other end, unless an authority is named to check against.
      return ca === undefined
        ? { ...client, rejectUnauthorized: false }
        : { ...client, ...authority, checkServerIdentity: () => undefined };
    case "verify-ca":
      return { ...client, ...authority, checkServerIdentity: () => undefined };
    case "verify-full":
      return { ...client, ...authority };
    default:
      throw refuse(
        `sslmode=${mode} cannot be used`,
        `Use one of ${TLS_MODES.join(", ")}; verify-full is the one to want.`,
      );
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
