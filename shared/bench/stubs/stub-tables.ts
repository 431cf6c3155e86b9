/**
 * The least that one command leaves behind: what was said, that it was taken, what was answered, and for a change what
 * changed and that it did.
 */
export const STUB_TABLES = [
  "CREATE TABLE messages (id TEXT PRIMARY KEY, channel TEXT NOT NULL, author TEXT NOT NULL, text TEXT NOT NULL, at TEXT NOT NULL)",
  "CREATE TABLE deliveries (id TEXT PRIMARY KEY, at TEXT NOT NULL)",
  "CREATE TABLE releases (number INTEGER PRIMARY KEY, notes TEXT NOT NULL, version INTEGER NOT NULL)",
  "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, payload TEXT NOT NULL, actor TEXT NOT NULL, at TEXT NOT NULL)",
] as const;

/** As durable as ours: write-ahead log, synced at checkpoints. */
export const STUB_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL";

/** Releases that commands may change. */
export const STUB_RELEASES = 200;
