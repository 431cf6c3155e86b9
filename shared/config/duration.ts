import { z } from "zod";
import { parseDuration } from "../lib/time.ts";

/** A duration in YAML (`500ms`, `60s`, `5m`, `2h`, `7d`, `1h30m`); milliseconds once parsed. */
export const Duration = z.union([z.string(), z.number()]).transform((written, context): number => {
  const ms = parseDuration(String(written));
  if (ms === undefined) {
    context.addIssue({
      code: "custom",
      message: `"${String(written).slice(0, 40)}" is not a duration`,
      params: {
        fix: `Write a number with its unit, such as ${/^\d+$/.test(String(written)) ? `${String(written)}s` : "60s"}; units are ms, s, m, h and d.`,
      },
    });
    return z.NEVER;
  }
  return ms;
});

/** A duration that must be longer than nothing, for time-outs. */
export const PositiveDuration = Duration.refine((ms) => ms > 0, {
  error: "must be longer than nothing",
  params: { fix: "Give it some time, such as 60s." },
});
