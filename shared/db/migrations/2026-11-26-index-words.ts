import { DataTypes, QueryTypes } from "sequelize";
import { wordsOf } from "../../lib/words.ts";
import type { Migration } from "./migration.ts";

/** As many as the use cases keep when a release changes. */
const MOST_WORDS = 10_000;
const ROWS_AT_ONCE = 200;

/**
 * Texts by which things are found, with an index of their words: FTS5 on SQLite, kept in step by triggers, and GIN over an
 * expression on PostgreSQL, which needs none. Words are taken apart before they are stored, so both databases find the same.
 */
export const indexWords: Migration = {
  name: "2026-11-26-index-words",
  async up(schema, transaction) {
    const { sequelize } = schema;
    await schema.createTable(
      "search_entries",
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        kind: { type: DataTypes.STRING, allowNull: false },
        ref: { type: DataTypes.STRING, allowNull: false },
        part: { type: DataTypes.STRING, allowNull: false },
        words: { type: DataTypes.TEXT, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("search_entries", {
      fields: ["kind", "ref", "part"],
      unique: true,
      transaction,
    });
    for (const sql of sequelize.getDialect() === "postgres" ? POSTGRES : SQLITE) {
      await sequelize.query(sql, { transaction });
    }

    // Releases that are there already, by what was searched before and by the titles of their commits.
    const releases = await sequelize.query<Readonly<Record<string, string | null>>>(
      "SELECT id, source_branch, destination_branch, from_environment, target_environment FROM releases",
      { type: QueryTypes.SELECT, transaction },
    );
    const entries = releases.map(({ id, ...places }) => ({
      ...{ kind: "release", ref: id, part: "" },
      words: join(Object.values(places)),
    }));
    for (let at = 0; at < entries.length; at += ROWS_AT_ONCE) {
      await schema.bulkInsert("search_entries", entries.slice(at, at + ROWS_AT_ONCE), {
        transaction,
      });
    }
    // Commits are big: a few rows at a time.
    for (let after = ""; ;) {
      const items = await sequelize.query<StoredItem>(
        `SELECT id, release_id, service, repository, commits FROM release_items
         WHERE id > $1 ORDER BY id LIMIT ${ROWS_AT_ONCE}`,
        { type: QueryTypes.SELECT, bind: [after], transaction },
      );
      const last = items.at(-1);
      if (!last) {
        return;
      }
      after = last.id;
      await schema.bulkInsert(
        "search_entries",
        items.map((item) => ({
          ...{ kind: "release", ref: item.release_id, part: item.service },
          words: join([item.service, item.repository, ...titlesOf(item.commits)]),
        })),
        { transaction },
      );
    }
  },
};

interface StoredItem {
  readonly id: string;
  readonly release_id: string;
  readonly service: string;
  readonly repository: string;
  /** Text on SQLite, the value itself on PostgreSQL. */
  readonly commits: string | readonly { readonly title: string }[];
}

function titlesOf(commits: StoredItem["commits"]): readonly string[] {
  const list =
    typeof commits === "string"
      ? (JSON.parse(commits) as readonly { readonly title: string }[])
      : commits;
  return list.map(({ title }) => title);
}

function join(texts: readonly (string | null)[]): string {
  return wordsOf(texts.join("\n"), MOST_WORDS).join(" ");
}

const SQLITE = [
  `CREATE VIRTUAL TABLE search_index USING fts5(
  words, content = 'search_entries', content_rowid = 'id', prefix = '2 3',
  tokenize = 'unicode61 remove_diacritics 0')`,
  `CREATE TRIGGER search_entries_added AFTER INSERT ON search_entries BEGIN
  INSERT INTO search_index (rowid, words) VALUES (new.id, new.words);
END`,
  `CREATE TRIGGER search_entries_removed AFTER DELETE ON search_entries BEGIN
  INSERT INTO search_index (search_index, rowid, words) VALUES ('delete', old.id, old.words);
END`,
  `CREATE TRIGGER search_entries_changed AFTER UPDATE ON search_entries BEGIN
  INSERT INTO search_index (search_index, rowid, words) VALUES ('delete', old.id, old.words);
  INSERT INTO search_index (rowid, words) VALUES (new.id, new.words);
END`,
];

const POSTGRES = [
  "CREATE INDEX search_entries_words ON search_entries USING gin (array_to_tsvector(string_to_array(words, ' ')))",
];
