/** Removes control, bidirectional and zero-width characters, makes white space single spaces, trims, and cuts to `limit` characters. */
export declare function cleanText(text: string, limit: number): string;

/** The same for several lines: line breaks stay, at most two in a row. */
export declare function cleanLines(text: string, limit: number): string;

/** `1 item`, `2 items`, `0 items`; `plural` for words that do not just take an s. */
export declare function pluralise(count: number, singular: string, plural?: string): string;

/** `a`, `a and b`, `a, b and c`; `last` replaces "and". */
export declare function joinWords(words: readonly string[], last?: string): string;

/** Known words the input may have meant, closest first, at most `limit` (3). Exact matches are not near misses. */
export declare function didYouMean(
  input: string,
  known: readonly string[],
  limit?: number,
): readonly string[];
