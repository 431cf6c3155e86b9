import { literal, type Transaction } from "sequelize";
import { wordsOf } from "../lib/words.ts";
import { SearchEntryRow } from "./rows/search-entry.ts";

/** What can be found by its words. */
export type SearchKind = "release";

/** Of a longer text the beginning is found; a tsvector of PostgreSQL holds a megabyte. */
const MOST_WORDS = 10_000;
/** Words of a question that count: each costs a look into the index. */
const MOST_ASKED = 10;

/** Texts of one thing by its parts, e.g. of a release by service. */
export type Texts = ReadonlyMap<string, string>;

/**
 * Makes one thing be found by these texts from the commit on. Parts that are not named stay; a part whose text is empty goes.
 * Text is anything: only its words are kept.
 */
export async function indexTexts(
  transaction: Transaction,
  kind: SearchKind,
  ref: string,
  texts: Texts,
): Promise<void> {
  await SearchEntryRow.destroy({ where: { kind, ref, part: [...texts.keys()] }, transaction });
  const entries = [...texts]
    .map(([part, text]) => ({ kind, ref, part, words: wordsOf(text, MOST_WORDS).join(" ") }))
    .filter(({ words }) => words !== "");
  await SearchEntryRow.bulkCreate(entries, { transaction });
}

/**
 * A subquery with the `ref` of everything that has all words of the question, each as the beginning of a word in any of its
 * parts; null when the question has no word. Whatever the question holds, it is never more than words.
 */
export function matching(kind: SearchKind, question: string): ReturnType<typeof literal> | null {
  const words = wordsOf(question, MOST_ASKED);
  const find = SearchEntryRow.sequelize?.getDialect() === "postgres" ? inPostgres : inSqlite;
  return words.length === 0
    ? null
    : literal(`(${words.map((word) => find(kind, word)).join(" INTERSECT ")})`);
}

// Words are letters and digits, and a kind is one of ours: neither can end a quotation.

function inSqlite(kind: SearchKind, word: string): string {
  return `SELECT ref FROM search_entries WHERE kind = '${kind}'
    AND id IN (SELECT rowid FROM search_index WHERE search_index MATCH '"${word}"*')`;
}

/** The expression is that of the index, see the migration. */
function inPostgres(kind: SearchKind, word: string): string {
  return `SELECT ref FROM search_entries WHERE kind = '${kind}'
    AND array_to_tsvector(string_to_array(words, ' ')) @@ '''${word}'':*'::tsquery`;
}
