import { z } from "zod";
import { PersonRef, Timestamp } from "./common.ts";

/** A chat account that acts for a person. */
export const AccountView = z
  .object({
    id: z.string(),
    /** E.g. `mattermost`. */
    platform: z.string(),
    /** Team, guild or server; empty where there is only one. */
    workspace: z.string(),
    userId: z.string(),
    /** As the account called itself when it was linked; null when that was not kept. */
    displayName: z.string().nullable(),
    linkedAt: Timestamp,
  })
  .meta({ id: "Account" });
export type AccountView = z.infer<typeof AccountView>;

/** Which chat account a private link would give to whom. */
export const LinkRequestView = z
  .object({
    platform: z.string(),
    workspace: z.string(),
    userId: z.string(),
    displayName: z.string(),
    /** Who is signed in, and would be who the account is. */
    person: PersonRef,
    expiresAt: Timestamp,
    /** It is theirs already; there is nothing left to do. */
    isLinked: z.boolean(),
  })
  .meta({ id: "LinkRequest" });
export type LinkRequestView = z.infer<typeof LinkRequestView>;
