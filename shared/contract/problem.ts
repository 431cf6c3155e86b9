import { z } from "zod";

/** One unmet requirement or one mistake in the input. */
export const ProblemReason = z
  .object({
    code: z.string(),
    reason: z.string(),
    remedy: z.string(),
  })
  .meta({ id: "ProblemReason" });

/** RFC 9457 problem details, with what Slipway adds. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string(),
    remedy: z.string().nullable(),
    correlationId: z.string(),
    /** Mistakes in the input, by JSON pointer. */
    errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
    /** Every unmet requirement of a refused request. */
    requirements: z.array(ProblemReason).optional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;
