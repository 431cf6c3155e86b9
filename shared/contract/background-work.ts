import { z } from "zod";
import { pageOf, Timestamp } from "./common.ts";

/** Background work that gave up. */
export const BackgroundWork = z
  .object({
    /** `job-12` or `delivery-34`. */
    id: z.string(),
    kind: z.enum(["job", "delivery"]),
    /** What was to be done: the name of the job, or who was to be told. */
    name: z.string(),
    /** What it is about, e.g. `release/12`. */
    about: z.string(),
    attempts: z.number().int(),
    /** When it was last due, or when the fact happened that somebody was to be told. */
    since: Timestamp,
    /** Why the last attempt failed. */
    error: z.string(),
  })
  .meta({ id: "BackgroundWork" });
export type BackgroundWork = z.infer<typeof BackgroundWork>;
export const BackgroundWorkPage = pageOf(BackgroundWork);
