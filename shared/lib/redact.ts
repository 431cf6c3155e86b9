/** Takes text and gives it back with everything secret replaced by `[secret]`. */
export type Redact = (text: string) => string;

const HIDDEN = "[secret]";

/** Shorter values would blank out ordinary words. */
const SHORTEST_SECRET = 6;

/**
 * Shapes of credentials that are secret whoever wrote them. Every character class leaves out quotes and backslashes, so
 * that replacing inside a JSON line keeps it valid JSON, and every repetition is bounded, so that hostile output costs
 * linear time.
 */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // user:password@ in URLs
  [/\b([a-z][a-z0-9+.-]{1,20}:\/\/)[^\s/@"'\\]{1,500}@/gi, `$1${HIDDEN}@`],
  [/\b(authorization\s?[:=]\s?(?:bearer|basic|token)?\s?)[\w.~+/=-]{6,4000}/gi, `$1${HIDDEN}`],
  [/\b(bearer\s)[\w.~+/=-]{12,4000}/gi, `$1${HIDDEN}`],
  [
    /((?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)\s?[:=]\s?)[^\s"'\\,;&]{1,1000}/gi,
    `$1${HIDDEN}`,
  ],
  // GitHub, GitLab, Slack, AWS and JSON web tokens as their makers write them
  [/\b(?:gh[pousr]_\w{20,255}|github_pat_\w{20,255}|glpat-[\w-]{16,255})/g, HIDDEN],
  [/\bxox[abeoprs]-[\w-]{10,255}/g, HIDDEN],
  [/\bxapp-[\w-]{10,255}/g, HIDDEN],
  [/\bAKIA[0-9A-Z]{16}\b/g, HIDDEN],
  [/\beyJ[\w-]{10,2000}\.[\w-]{10,4000}\.[\w-]{10,2000}/g, HIDDEN],
];

/**
 * Makes a redactor for the given secret values, in their plain and their URL- and JSON-encoded forms, and for the shapes
 * of well-known credentials. Values shorter than six characters are left alone.
 */
export function createRedactor(secrets: Iterable<string> = []): Redact {
  const forms = new Set<string>();
  for (const secret of secrets) {
    for (const value of [secret, ...secret.split(/\r?\n/)]) {
      if (value.length >= SHORTEST_SECRET) {
        forms.add(value);
        forms.add(encodeURIComponent(value));
        forms.add(JSON.stringify(value).slice(1, -1));
      }
    }
  }
  // Longest first, so that a secret containing another leaves no rest behind.
  const known = [...forms].sort((a, b) => b.length - a.length);
  return (text) => {
    let shown = text;
    for (const value of known) {
      shown = shown.replaceAll(value, HIDDEN);
    }
    for (const [pattern, replacement] of PATTERNS) {
      shown = shown.replace(pattern, replacement);
    }
    return shown;
  };
}
