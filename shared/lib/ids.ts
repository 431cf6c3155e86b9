import { createHash, randomBytes, randomUUID } from "node:crypto";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Bytes at or above this would favour the first letters of the alphabet. */
const FAIR_BELOW = 256 - (256 % ALPHABET.length);

/** A new row id. */
export function newId(): string {
  return randomUUID();
}

/** The id of whatever has this key: the same for the same key, and like a row id in every other way. */
export function idOfKey(key: string): string {
  const hex = createHash("sha256").update(key).digest("hex");
  // Version 8 is for ids that an application makes in its own way (RFC 9562).
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/**
 * Random letters and digits from the system's secure generator. Each carries 5.95 bits: 22 are as good as a UUID, use 43
 * for credentials.
 */
export function randomToken(length: number): string {
  let token = "";
  while (token.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < FAIR_BELOW && token.length < length) {
        token += ALPHABET.charAt(byte % ALPHABET.length);
      }
    }
  }
  return token;
}
