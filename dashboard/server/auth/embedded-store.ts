import type { Adapter, AdapterFactory, AdapterPayload } from "oidc-provider";
import type { Clock } from "../../../shared/core/ports/clock.ts";

interface Stored {
  readonly payload: AdapterPayload;
  /** Milliseconds since the epoch; null never. */
  readonly expiresAt: number | null;
}

/** Beyond this many entries of a kind, the oldest go: sample people sign in again. */
const MOST_ENTRIES = 5_000;

/**
 * What the embedded identity provider remembers, in memory: after a restart it asks again who somebody is, while the
 * sessions of Slipway itself, kept in the database, go on.
 */
export function createEmbeddedStore(clock: Clock): AdapterFactory {
  const kinds = new Map<string, Map<string, Stored>>();
  return (name) => createAdapter(name);

  function createAdapter(name: string): Adapter {
    const entries = kinds.get(name) ?? new Map<string, Stored>();
    kinds.set(name, entries);
    const find = (matches: (payload: AdapterPayload) => boolean) =>
      [...entries.values()].find((entry) => isAlive(entry) && matches(entry.payload))?.payload;

    return {
      async upsert(id, payload, expiresInSeconds) {
        entries.delete(id);
        entries.set(id, {
          payload,
          expiresAt:
            expiresInSeconds === undefined
              ? null
              : clock.now().getTime() + expiresInSeconds * 1_000,
        });
        removeSurplus(entries);
      },
      async find(id) {
        const entry = entries.get(id);
        return entry && isAlive(entry) ? entry.payload : undefined;
      },
      async findByUid(uid) {
        return find((payload) => payload.uid === uid);
      },
      async findByUserCode(userCode) {
        return find((payload) => payload.userCode === userCode);
      },
      async consume(id) {
        const entry = entries.get(id);
        if (entry) {
          const consumed = Math.floor(clock.now().getTime() / 1_000);
          entries.set(id, { ...entry, payload: { ...entry.payload, consumed } });
        }
      },
      async destroy(id) {
        entries.delete(id);
      },
      async revokeByGrantId(grantId) {
        for (const [id, entry] of entries) {
          if (entry.payload.grantId === grantId) {
            entries.delete(id);
          }
        }
      },
    };
  }

  function isAlive(entry: Stored): boolean {
    return entry.expiresAt === null || entry.expiresAt > clock.now().getTime();
  }

  function removeSurplus(entries: Map<string, Stored>): void {
    if (entries.size <= MOST_ENTRIES) {
      return;
    }
    for (const [id, entry] of entries) {
      if (!isAlive(entry)) {
        entries.delete(id);
      }
    }
    const oldest = entries.keys().next();
    if (entries.size > MOST_ENTRIES && !oldest.done) {
      entries.delete(oldest.value);
    }
  }
}
