import sqlite3 from "sqlite3";

/** What a team has after years: written straight into the file, because ten thousand releases take an hour to make. */
export interface History {
  readonly releases: number;
  readonly facts: number;
}

/**
 * Copies the one release of a stopped installation, its items, sign-offs and facts, until there are as many as wanted. Every
 * copy differs where rows must differ and in what lists filter by; the chain of hashes is not kept.
 */
export async function seedHistory(file: string, { releases, facts }: History): Promise<void> {
  const database = await openFile(file);
  try {
    await database.exec("PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF; BEGIN");
    const copyId = (table: string) => `'${table}-' || printf('%012d', n.i) || '-' || old.rowid`;
    // As Sequelize writes times.
    const at = "strftime('%Y-%m-%d %H:%M:%f +00:00', '2026-11-01', '-' || n.i || ' minutes')";
    await database.copy("releases", releases - 1, {
      id: releaseId,
      number: "n.i + 1",
      status: "CASE n.i % 10 WHEN 0 THEN 'pending' WHEN 1 THEN 'cancelled' ELSE 'deployed' END",
      source_branch: "'feature-' || (n.i % 97)",
      open_key: "NULL",
      created_at: at,
      refreshed_at: at,
    });
    await database.copy("release_items", releases - 1, {
      id: copyId("item"),
      release_id: releaseId,
    });
    await database.copy("sign_offs", releases - 1, {
      id: copyId("sign-off"),
      release_id: releaseId,
      active_key: "NULL",
    });
    const [{ count } = { count: 0 }] = await database.all<{ count: number }>(
      "SELECT count(*) AS count FROM events WHERE subject_kind = 'release'",
    );
    if (count === 0) {
      throw new Error("there is no fact to copy");
    }
    await database.copy(
      "events",
      Math.ceil(facts / count),
      {
        seq: "NULL",
        id: copyId("fact"),
        subject_id: `CAST(1 + n.i % ${releases} AS TEXT)`,
        correlation_id: "'copied-' || n.i",
        occurred_at: at,
        hash: "lower(hex(randomblob(32)))",
      },
      "subject_kind = 'release'",
    );
    await database.exec(
      `UPDATE sequences SET value = (SELECT max(seq) FROM events) WHERE name = 'event';
       UPDATE sequences SET value = ${releases} WHERE name = 'release';
       COMMIT; PRAGMA wal_checkpoint(TRUNCATE); ANALYZE`,
    );
  } finally {
    await database.close();
  }
}

const releaseId = "'release-' || printf('%012d', n.i)";

/** A file as the driver alone sees it. */
export interface PlainDatabase {
  exec(sql: string): Promise<void>;
  all<T>(sql: string, values?: readonly unknown[]): Promise<readonly T[]>;
  /** Inserts so many copies (`n.i` from 1) of the rows of a table (`old`), with some columns computed anew. */
  copy(
    table: string,
    count: number,
    columns: Readonly<Record<string, string>>,
    where?: string,
  ): Promise<void>;
  close(): Promise<void>;
}

export async function openFile(file: string): Promise<PlainDatabase> {
  const database = await new Promise<sqlite3.Database>((done, fail) => {
    const opened = new sqlite3.Database(file, sqlite3.OPEN_READWRITE, (error) =>
      error ? fail(error) : done(opened),
    );
  });
  const plain: PlainDatabase = { exec, all, copy, close };
  return plain;

  function exec(sql: string): Promise<void> {
    return new Promise((done, fail) => {
      database.exec(sql, (error) => (error ? fail(error) : done()));
    });
  }

  function all<T>(sql: string, values: readonly unknown[] = []): Promise<readonly T[]> {
    return new Promise((done, fail) => {
      database.all<T>(sql, values, (error, rows) => (error ? fail(error) : done(rows)));
    });
  }

  async function copy(
    table: string,
    count: number,
    columns: Readonly<Record<string, string>>,
    where = "1",
  ): Promise<void> {
    const known = await all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`);
    const names = known.map(({ name }) => `"${name}"`).join(", ");
    const values = known.map(({ name }) => columns[name] ?? `old."${name}"`).join(", ");
    // The old rows are looked at once, before there are new ones.
    await exec(
      `CREATE TEMP TABLE template AS SELECT rowid AS row, * FROM ${table} WHERE ${where};
       WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
       INSERT INTO ${table} (${names})
       SELECT ${values.replaceAll("old.rowid", "old.row")} FROM n CROSS JOIN template AS old;
       DROP TABLE template`,
    );
  }

  function close(): Promise<void> {
    return new Promise((done, fail) => {
      database.close((error) => (error ? fail(error) : done()));
    });
  }
}
