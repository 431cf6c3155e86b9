import type { Ability } from "../contract/common.ts";
import type { Verdict } from "../core/verdict.ts";
import type { AppError } from "../errors/app-error.ts";
import { abilityOf } from "./access.ts";

/** What policy says (`denial`), then what stands in the way now; the first no is what a person is told. */
export function ability(denied: AppError | null, ...verdicts: readonly Verdict[]): Ability {
  if (denied !== null) {
    return abilityOf(denied);
  }
  const refusal = verdicts.find((verdict) => !verdict.ok);
  return refusal && !refusal.ok
    ? { allowed: false, reason: refusal.reason, remedy: refusal.remedy }
    : abilityOf(null);
}
