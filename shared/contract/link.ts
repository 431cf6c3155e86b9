import { z } from "zod";
import { Timestamp } from "./common.ts";

/** How a connection that stays open has fared in this process. */
export const LinkView = z
  .object({
    /** Since when it is as it is. */
    since: Timestamp,
    /** When anything last arrived, a sign of life included; null when nothing has, or nobody watches. */
    lastEventAt: Timestamp.nullable(),
    /** How often it was lost and found again. */
    reconnects: z.number().int(),
    /** How long the newest event waited for its acknowledgement, in milliseconds; null before the first one. */
    acknowledgedInMs: z.number().nullable(),
  })
  .meta({ id: "Link" });
export type LinkView = z.infer<typeof LinkView>;
