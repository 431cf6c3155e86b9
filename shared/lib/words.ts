/** Longer ones are no words but hashes and encoded data; their beginning is enough to find them. */
const LONGEST_WORD = 64;

/**
 * The words of a text, as they are stored and looked for: letters and digits only, small, without accents, each once, in the
 * order they come. `Checkout-API: überfällig` gives `checkout`, `api`, `uberfallig`. At most `limit` of them.
 */
export function wordsOf(text: string, limit: number): readonly string[] {
  const plain = text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const words = new Set<string>();
  for (const [word] of plain.matchAll(/[\p{L}\p{N}]+/gu)) {
    if (words.size === limit) {
      break;
    }
    words.add([...word].slice(0, LONGEST_WORD).join(""));
  }
  return [...words];
}
