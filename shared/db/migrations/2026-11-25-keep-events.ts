import type { Migration } from "./migration.ts";

/**
 * Facts are appended and never changed: the database itself refuses, whoever asks. It does not stop somebody who owns the
 * database and takes the triggers away first; that shows in the chain of hashes.
 */
export const keepEvents: Migration = {
  name: "2026-11-25-keep-events",
  async up({ sequelize }, transaction) {
    const statements = sequelize.getDialect() === "postgres" ? POSTGRES : SQLITE;
    for (const sql of statements) {
      await sequelize.query(sql, { transaction });
    }
  },
};

const SQLITE = ["UPDATE", "DELETE"].map(
  (what) => `CREATE TRIGGER events_are_kept_on_${what.toLowerCase()} BEFORE ${what} ON events
BEGIN
  SELECT RAISE(ABORT, 'recorded facts are never changed or removed');
END`,
);

const POSTGRES = [
  `CREATE FUNCTION keep_events() RETURNS trigger LANGUAGE plpgsql AS $keep$
BEGIN
  RAISE EXCEPTION 'recorded facts are never changed or removed' USING ERRCODE = 'integrity_constraint_violation';
END
$keep$`,
  ...["UPDATE", "DELETE", "TRUNCATE"].map(
    (what) =>
      `CREATE TRIGGER events_are_kept_on_${what.toLowerCase()} BEFORE ${what} ON events
FOR EACH STATEMENT EXECUTE FUNCTION keep_events()`,
  ),
];
