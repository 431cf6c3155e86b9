/** An answer of a remote system, kept so that asking again is cheap. */
export interface CachedAnswer {
  /** As it was received, weak mark and quotes included; null for what can never change. */
  readonly etag: string | null;
  /** What we made of the answer, as JSON. */
  readonly value: string;
}

/**
 * Answers of remote systems, kept over restarts. It may forget anything at any time, and it never fails: what cannot be read
 * is not there, and what cannot be written is lost. Nothing in it is the truth about anything but a remote system's past.
 */
export interface HttpCache {
  get(key: string): Promise<CachedAnswer | null>;
  put(key: string, answer: CachedAnswer): Promise<void>;
}
