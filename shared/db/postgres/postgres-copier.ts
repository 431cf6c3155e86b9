import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Client } from "pg";
import { BackupFailed, BackupUnusable, DatabaseInUse } from "../../errors/catalog.ts";
import { createRedactor } from "../../lib/redact.ts";
import type { ServerCopier } from "../database-copier.ts";
import { MIGRATIONS_TABLE } from "../migrate.ts";
import { readPostgresUrl } from "./postgres-address.ts";
import { connectPostgres, type PostgresTimeouts } from "./postgres-connection.ts";

/** Variables of ours that PostgreSQL's programs may see: certificates, service files, where they are. */
const PASSED = /^(?:PATH|HOME|LANG|LC_\w+|TMPDIR|PG(?!PASSWORD$)\w+)$/;
/** A question is short, and a server that does not answer is a reason to stop. */
const TIMEOUTS: PostgresTimeouts = {
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 30_000,
  idleInTransactionTimeoutMs: 30_000,
  lockTimeoutMs: 10_000,
};
/** Of what a program says when it fails, the end tells why. */
const STDERR_LIMIT = 4_000;

/**
 * Everything in the database but extensions and the schema `public` itself, which may belong to somebody else. Part of the
 * transaction that restores, so that either both happened or nothing.
 */
const CLEAR = `DO $clear$
DECLARE it record;
BEGIN
  FOR it IN SELECT nspname FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'public') LOOP
    EXECUTE format('DROP SCHEMA %I CASCADE', it.nspname);
  END LOOP;
  FOR it IN SELECT c.relname, c.relkind FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
      AND NOT EXISTS (SELECT 1 FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') LOOP
    -- What went with an earlier one is no longer there.
    IF to_regclass(format('public.%I', it.relname)) IS NOT NULL THEN
      EXECUTE format('DROP %s public.%I CASCADE', CASE it.relkind
        WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
        WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, it.relname);
    END IF;
  END LOOP;
  FOR it IN SELECT p.oid::regprocedure AS signature FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_depend d
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('DROP ROUTINE %s CASCADE', it.signature);
  END LOOP;
  FOR it IN SELECT t.typname FROM pg_type t
    WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd')
      AND NOT EXISTS (SELECT 1 FROM pg_depend d
        WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e') LOOP
    EXECUTE format('DROP TYPE public.%I CASCADE', it.typname);
  END LOOP;
END
$clear$;
`;

/** Entries of a dump that only the owner of the database could restore, and that are there already. */
const NOT_RESTORED = / (?:SCHEMA - public|COMMENT - SCHEMA public|COMMENT - EXTENSION) /;

/**
 * Copies by `pg_dump` in its custom format and restores by `pg_restore` and `psql`, in one transaction. The password goes
 * through the environment of those programs, never through their arguments.
 */
export function createPostgresCopier(
  url: string,
  environment: Readonly<Record<string, string>>,
): ServerCopier {
  const address = readPostgresUrl(url);
  const { location, password } = address;
  // The programs read the same address, with certificates and all; only the password goes another way.
  const target = url.replace(/^(postgres(?:ql)?:\/\/[^:@/?#]*):[^@/?#]*@/, "$1@");
  const redact = createRedactor(password === undefined ? [] : [password]);
  const env: Record<string, string> = {
    ...Object.fromEntries(Object.entries(environment).filter(([name]) => PASSED.test(name))),
    PGAPPNAME: "slipway backup",
    // Messages are for us too.
    LC_MESSAGES: "C",
    ...(password === undefined ? passwordOf(environment) : { PGPASSWORD: password }),
  };
  const cannotCopy = `The database ${location} cannot be copied`;
  const cannotReplace = `The database ${location} cannot be restored`;

  return {
    kind: "server",
    location,
    copyName: "database.pgdump",

    isThere: () =>
      asking(async (client) => {
        const found = await client.query<{ there: boolean }>(
          "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace " +
            "WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema') AS there",
        );
        return found.rows[0]?.there === true;
      }),

    async copy(file, signal) {
      const dump = start(
        "pg_dump",
        ["--format=custom", "--no-owner", "--no-privileges", "--file", file, "--dbname", target],
        signal,
      );
      await dump.succeeded(cannotCopy);
    },

    async migrationsOf(copy) {
      const list = start(
        "pg_restore",
        ["--data-only", `--table=${MIGRATIONS_TABLE}`, "--file=-", copy],
        AbortSignal.timeout(60_000),
      );
      const text = await textOf(list.stdout);
      try {
        await list.succeeded("");
      } catch (error) {
        const isMissing = error instanceof BackupFailed && error.data.why.includes("not installed");
        throw isMissing
          ? error
          : new BackupUnusable(
              { file: copy, why: "the database in it is damaged, or not one of Slipway" },
              { cause: error },
            );
      }
      const rows = /^COPY [^\n]*\(([^)]*)\) FROM stdin;\n([\s\S]*?)^\\\.$/m.exec(text);
      const column = (rows?.[1] ?? "").split(", ").indexOf("name");
      if (!rows || column < 0) {
        throw new BackupUnusable({ file: copy, why: "the database in it is not one of Slipway" });
      }
      return (rows[2] ?? "")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => line.split("\t")[column] ?? "")
        .sort();
    },

    async keepOut() {
      const others = await asking(async (client) => {
        const found = await client.query<{ count: string }>(
          "SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() " +
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
        );
        return Number(found.rows[0]?.count ?? 0);
      });
      if (others > 0) {
        throw new DatabaseInUse({ database: location });
      }
      // From here on the locks of the restoring transaction keep others out.
      return () => Promise.resolve();
    },

    async replace(copy, id, signal) {
      const contents = start("pg_restore", ["--list", copy], signal);
      const listed = await textOf(contents.stdout);
      await contents.succeeded(cannotReplace);
      const wanted = listed.split("\n").filter((line) => !NOT_RESTORED.test(`${line} `));
      const list = `${copy}.list`;
      await writeFile(list, wanted.join("\n"), { mode: 0o600 });
      const script = start(
        "pg_restore",
        ["--no-owner", "--no-privileges", `--use-list=${list}`, "--file=-", copy],
        signal,
      );
      const session = start(
        "psql",
        ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", target],
        signal,
      );
      session.stdout.resume();
      // No COMMIT is sent unless everything before it was: a session that just ends is rolled back by the server.
      session.stdin.write(`BEGIN;\n${CLEAR}`);
      await Promise.all([
        pipeline(script.stdout, session.stdin, { end: false }).catch(() => undefined),
        script.succeeded(cannotReplace),
      ]).catch((error: unknown) => {
        session.child.kill("SIGKILL");
        throw error;
      });
      session.stdin.end(
        `\nCOMMENT ON TABLE public.${MIGRATIONS_TABLE} IS 'restored ${id}';\nCOMMIT;\n`,
      );
      await session.succeeded(cannotReplace);
    },

    isReplaced: (id) =>
      asking(async (client) => {
        const found = await client.query<{ comment: string | null }>(
          "SELECT obj_description(to_regclass($1), 'pg_class') AS comment",
          [`public.${MIGRATIONS_TABLE}`],
        );
        return found.rows[0]?.comment === `restored ${id}`;
      }),
  };

  async function asking<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    let client: Client | undefined;
    try {
      client = await connectPostgres(address, TIMEOUTS);
      return await ask(client);
    } catch (error) {
      throw new BackupFailed(
        {
          what: `The database ${location} cannot be asked`,
          why: redact(error instanceof Error ? error.message : String(error)),
        },
        { cause: error, remedy: "Check database.url, and that PostgreSQL runs." },
      );
    } finally {
      await client?.end().catch(() => undefined);
    }
  }

  function start(program: string, args: readonly string[], signal: AbortSignal): Program {
    const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"], signal });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = `${said}${chunk.toString()}`.slice(-STDERR_LIMIT);
    });
    // A program that ends early tells by its exit code.
    child.stdin.on("error", () => undefined);
    const ended = once(child, "close") as Promise<[number | null, string | null]>;
    ended.catch(() => undefined);
    return {
      child,
      stdin: child.stdin,
      stdout: child.stdout,
      async succeeded(what) {
        let code: number | null;
        try {
          [code] = await ended;
        } catch (error) {
          signal.throwIfAborted();
          throw isMissing(error)
            ? new BackupFailed(
                { what, why: `${program} is not installed` },
                {
                  cause: error,
                  remedy:
                    "Install PostgreSQL's client programs (Debian: postgresql-client), not older than the server.",
                },
              )
            : error;
        }
        if (code !== 0) {
          const why = redact(said).trim().replace(/\.$/, "") || `${program} ended with ${code}`;
          throw new BackupFailed(
            { what, why },
            {
              remedy: why.includes("version mismatch")
                ? "Install PostgreSQL's client programs of the version of the server."
                : "Correct what PostgreSQL says, then try again.",
            },
          );
        }
      },
    };
  }
}

interface Program {
  readonly child: ChildProcess;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves when it ended well. Throws BackupFailed with what it said. */
  succeeded(what: string): Promise<void>;
}

function passwordOf(environment: Readonly<Record<string, string>>): Record<string, string> {
  const password = environment["PGPASSWORD"];
  return password === undefined ? {} : { PGPASSWORD: password };
}

async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
