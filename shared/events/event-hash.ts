import { createHash } from "node:crypto";

/** What the first fact of a chain follows. */
export const GENESIS_HASH = "0".repeat(64);

/** Every stored field of a fact except its own hash. */
export interface HashedEvent {
  readonly seq: number;
  readonly id: string;
  readonly name: string;
  readonly payload: unknown;
  readonly actorSubject: string;
  readonly actorUsername: string;
  readonly actorName: string;
  readonly platform: string;
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly subjectKind: string;
  readonly subjectId: string;
  readonly related: readonly { readonly kind: string; readonly id: string }[];
  readonly correlationId: string;
  readonly occurredAt: Date;
  readonly previousHash: string;
}

/**
 * SHA-256, hex, of all stored fields as canonical JSON, the hash of the fact before among them: changing, inserting or
 * removing one fact breaks every hash after it.
 */
export function hashEvent(event: HashedEvent): string {
  const fields = {
    seq: event.seq,
    id: event.id,
    name: event.name,
    payload: event.payload,
    actorSubject: event.actorSubject,
    actorUsername: event.actorUsername,
    actorName: event.actorName,
    platform: event.platform,
    ip: event.ip,
    userAgent: event.userAgent,
    subjectKind: event.subjectKind,
    subjectId: event.subjectId,
    related: event.related,
    correlationId: event.correlationId,
    occurredAt: event.occurredAt.toISOString(),
    previousHash: event.previousHash,
  };
  return createHash("sha256").update(canonicalJson(fields)).digest("hex");
}

/** JSON with the keys of every object in order of their code units: the same value always gives the same text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    isRecord(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** A text as every engine stores it: without NUL, which PostgreSQL refuses, and without halves of surrogate pairs. */
export function storableText(text: string): string {
  return text.replace(/\p{Surrogate}|\0/gu, "\uFFFD");
}

/** A value as it comes back from a JSON column: without undefined, with dates as text, with storable texts. */
export function storableJson(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === "string" ? storableText(inner) : inner,
    ),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
