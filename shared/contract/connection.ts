import { z } from "zod";
import { Timestamp } from "./common.ts";
import { LinkView } from "./link.ts";

/** What is left of a request allowance, as the other side said last. */
export const BudgetView = z
  .object({
    /** What the allowance is for, e.g. `core`. */
    name: z.string(),
    limit: z.number().int(),
    remaining: z.number().int(),
    resetsAt: Timestamp,
    /** Until when nothing is sent, because the other side said so. */
    pausedUntil: Timestamp.nullable(),
  })
  .meta({ id: "Budget" });
export type BudgetView = z.infer<typeof BudgetView>;

/** One connection of this process to something else. */
export const ConnectionView = z
  .object({
    /** E.g. `database`, `chat:room`, `identity-provider`, `scm:github:0`. */
    name: z.string(),
    state: z.enum(["up", "down", "starting"]),
    /** Without a required one, requests cannot be served. */
    required: z.boolean(),
    /** A few words; null when there is nothing to say. */
    detail: z.string().nullable(),
    /** Request allowances, where the other side has some. */
    budgets: z.array(BudgetView).optional(),
    /** Of a connection that stays open. */
    link: LinkView.optional(),
  })
  .meta({ id: "Connection" });
export type ConnectionView = z.infer<typeof ConnectionView>;

export const ConnectionList = z.object({ items: z.array(ConnectionView) });
