import { z } from "zod";
import { Timestamp } from "./common.ts";

/** A browser somebody is signed in with. */
export const SessionView = z
  .object({
    /** Names the session and opens nothing. */
    id: z.string(),
    /** Whether the request that asks was sent by it. */
    current: z.boolean(),
    signedInAt: Timestamp.nullable(),
    /** Exact to the minute; null for one that was not used since this is kept. */
    lastUsedAt: Timestamp.nullable(),
    expiresAt: Timestamp,
    /** The network address it was last used from; null when it is not known. */
    address: z.string().nullable(),
    /** What the browser says of itself; null when it says nothing. */
    userAgent: z.string().nullable(),
  })
  .meta({ id: "Session" });
export type SessionView = z.infer<typeof SessionView>;

export const SessionList = z.object({ items: z.array(SessionView), total: z.number().int() });

/** How many sessions were ended. */
export const EndedSessions = z.object({ ended: z.number().int() }).meta({ id: "EndedSessions" });
export type EndedSessions = z.infer<typeof EndedSessions>;
