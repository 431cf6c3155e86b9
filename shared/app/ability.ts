import type { Ability } from "../contract/common.ts";
import type { Verdict } from "../core/verdict.ts";

/** The first refusal decides what a person is told; without one they may. */
export function ability(...verdicts: readonly Verdict[]): Ability {
  const refusal = verdicts.find((verdict) => !verdict.ok);
  return refusal && !refusal.ok
    ? { allowed: false, reason: refusal.reason, remedy: refusal.remedy }
    : { allowed: true, reason: null, remedy: null };
}
