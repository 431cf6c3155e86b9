/** How long a private link works. */
export const LINK_GOOD_FOR_MS = 10 * 60_000;
/** Links one chat account may ask for in that time. */
export const MOST_LINKS = 5;

/** What is known when somebody wants to have the chat account behind a private link. */
export interface LinkFacts {
  readonly request: { readonly expiresAt: Date; readonly usedAt: Date | null };
  /** Whom the chat account belongs to now. */
  readonly holder: string | null;
  /** Who opened the link. */
  readonly claimant: string;
  readonly now: Date;
}

/** `bind` gives the account to the claimant, `bound` says that it is theirs already; everything else is a refusal. */
export type LinkVerdict = "bind" | "bound" | "used" | "expired" | "taken";

/** One chat account belongs to one person, and a link works once and for ten minutes. What is done already stays done. */
export function judgeLink({ request, holder, claimant, now }: LinkFacts): LinkVerdict {
  if (holder === claimant) {
    return "bound";
  }
  if (request.usedAt !== null) {
    return "used";
  }
  if (request.expiresAt <= now) {
    return "expired";
  }
  return holder === null ? "bind" : "taken";
}

/** How long until another link may be asked for, given when the latest ones were; zero when now. */
export function linkPauseMs(requestedAt: readonly Date[], now: Date): number {
  const recent = requestedAt
    .map((at) => at.getTime() + LINK_GOOD_FOR_MS - now.getTime())
    .filter((ms) => ms > 0)
    .sort((a, b) => b - a);
  return recent[MOST_LINKS - 1] ?? 0;
}
