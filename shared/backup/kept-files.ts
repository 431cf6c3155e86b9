/**
 * What lies in the data folder, by the first part of its path. A test starts the server and finds every name in one of the
 * two lists, so that nothing that cannot be made again is forgotten.
 */
const KEPT: Readonly<Record<string, string>> = {
  "secret.key": "unseals what the database keeps sealed",
  "cookie.key": "keeps people signed in",
  "identity-provider": "keys of the embedded identity provider",
};

/** Only where the sample workspace is used: its repositories hold commits people made. */
const SAMPLE = "demo";

/** Made again when they are needed, or kept by the copy of the database. */
const REBUILT = ["mirrors", "checkouts"];

/** Names of our own temporary and set-aside files; never part of a backup. */
export const STAGING_PREFIX = ".slipway-";
export const ASIDE_PREFIX = "before-restore-";
export const JOURNAL = ".slipway-restore.json";

/** First parts of paths that a backup keeps. */
export function keptNames(options: { readonly withSample: boolean }): readonly string[] {
  return [...Object.keys(KEPT), ...(options.withSample ? [SAMPLE] : [])];
}

/** Every name that may be restored, whoever made the backup. */
export const restorableNames: readonly string[] = [...Object.keys(KEPT), SAMPLE];

/** Whether a name in the data folder needs no copy: made again, temporary, or part of the database. */
export function isExpendable(name: string, databaseFile: string | null): boolean {
  return (
    REBUILT.includes(name) ||
    name.startsWith(STAGING_PREFIX) ||
    name.startsWith(ASIDE_PREFIX) ||
    (databaseFile !== null &&
      [name, name.replace(/(?:\.lock)?(?:-wal|-shm|-journal)?$/, "")].includes(databaseFile))
  );
}
