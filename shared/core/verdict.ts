/**
 * An answer for a person: yes, or no with the reason and what to do next. A throw, by contrast, means we could not find
 * out, and whoever asked must refuse.
 */
export type Verdict = { readonly ok: true } | Refusal;

export interface Refusal {
  readonly ok: false;
  /** Stable, dotted or snake_case, e.g. `sign_off.missing`. */
  readonly code: string;
  readonly reason: string;
  readonly remedy: string;
  /** Where more about it can be read; absent when that is nowhere but here. */
  readonly url?: string;
}

export const yes: Verdict = { ok: true };

export function no(
  code: string,
  reason: string,
  remedy: string,
  url: string | null = null,
): Refusal {
  return { ok: false, code, reason, remedy, ...(url === null ? {} : { url }) };
}
