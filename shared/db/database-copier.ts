import { sqliteFile } from "./dialect.ts";
import { DatabaseUnusable } from "../errors/catalog.ts";
import { createPostgresCopier } from "./postgres/postgres-copier.ts";
import { createSqliteCopier } from "./sqlite/sqlite-copier.ts";

interface Copier {
  /** Where the data is, for messages; never with a password. */
  readonly location: string;
  /** Name of the copy in a backup; says what it is. */
  readonly copyName: string;
  /** Whether there is anything that a restore would replace. */
  isThere(): Promise<boolean>;
  /**
   * Writes a copy of one moment to a file that does not exist yet, while others read and write. Throws BackupFailed, and the
   * reason of `signal` when it aborts.
   */
  copy(file: string, signal: AbortSignal): Promise<void>;
  /** The migrations that ran in a copy. Reads enough of it to know that it is one. Throws BackupUnusable. */
  migrationsOf(copy: string): Promise<readonly string[]>;
  /** Keeps servers out until what it answers with is called. Throws DatabaseInUse. */
  keepOut(): Promise<() => Promise<void>>;
}

/** A database that is a file: restoring is putting another file in its place. */
export interface FileCopier extends Copier {
  readonly kind: "file";
  /** The file, and those beside it that belong to the same state. */
  readonly file: string;
  readonly companions: readonly string[];
}

/** A database that a server keeps. */
export interface ServerCopier extends Copier {
  readonly kind: "server";
  /** Puts a copy in the place of everything there is, in one transaction that also remembers `id`. Throws BackupFailed. */
  replace(copy: string, id: string, signal: AbortSignal): Promise<void>;
  /** Whether the replacement with this id was committed. */
  isReplaced(id: string): Promise<boolean>;
}

export type DatabaseCopier = FileCopier | ServerCopier;

/** What copies and replaces the database at `url`, by the means of its engine. */
export function createDatabaseCopier(
  url: string,
  environment: Readonly<Record<string, string>>,
): DatabaseCopier {
  const file = sqliteFile(url);
  if (file !== undefined) {
    return createSqliteCopier(file);
  }
  if (/^postgres(?:ql)?:\/\//.test(url)) {
    return createPostgresCopier(url, environment);
  }
  throw new DatabaseUnusable({ database: "of this kind", why: "it cannot be copied" });
}
