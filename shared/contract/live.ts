import { z } from "zod";

/** A server-sent event: says what changed, never carries its state. Fetch the thing again. */
export const LiveEvent = z
  .object({
    seq: z.number().int(),
    event: z.string(),
    subject: z.object({ kind: z.string(), id: z.string() }),
    /** Numbers and names of what else is touched, e.g. the release of a deployment. */
    related: z.array(z.object({ kind: z.string(), id: z.string() })),
    at: z.string(),
  })
  .meta({ id: "LiveEvent" });
export type LiveEvent = z.infer<typeof LiveEvent>;
