import type { AppError, ErrorKind } from "../../shared/errors/app-error.ts";
import type { ActionItem, Card, Tone } from "./card.ts";
import { actions, card, text } from "./card-builders.ts";
import { reasonLine, sentence } from "./markdown.ts";

/** How a kind of error is told: with which words on top, how loudly, and to whom. */
const MANNERS: Readonly<
  Record<ErrorKind, { readonly title: string; readonly tone: Tone; readonly everyone: boolean }>
> = {
  invalid_input: { title: "I did not understand that", tone: "warning", everyone: false },
  unauthenticated: { title: "I do not know you yet", tone: "info", everyone: false },
  forbidden: { title: "You may not do that", tone: "warning", everyone: false },
  not_found: { title: "Not found", tone: "warning", everyone: false },
  conflict: { title: "Not done", tone: "warning", everyone: true },
  blocked: { title: "Not possible now", tone: "warning", everyone: true },
  rate_limited: { title: "Not now", tone: "info", everyone: false },
  upstream: { title: "Something I need does not answer", tone: "danger", everyone: true },
  timeout: { title: "Something I need is too slow", tone: "danger", everyone: true },
  internal: { title: "Something broke", tone: "danger", everyone: true },
};

/** An error as a card: what happened, every reason with its remedy, and what to do next. Never a code or a stack. */
export function errorCard(error: AppError, offers: readonly ActionItem[] = []): Card {
  const { title, tone } = MANNERS[error.kind];
  const reasons = reasonsOf(error);
  const advice = reasons.some(({ remedy }) => remedy === error.remedy) ? undefined : error.remedy;
  const told =
    reasons.length > 0
      ? reasons.map(({ reason, remedy, url }) => reasonLine(reason, remedy, url))
      : [sentence(error.message)];
  return card(
    title,
    tone,
    text(...told),
    text(advice === undefined ? undefined : sentence(advice)),
    actions(...offers),
  );
}

/** Whether everybody in the channel should see this error, or only the person who caused it. */
export function concernsEveryone(error: AppError): boolean {
  return MANNERS[error.kind].everyone;
}

/** A refusal names every unmet requirement, so that nobody has to try again to find the next one. */
function reasonsOf(error: AppError): readonly ShownReason[] {
  const { data } = error;
  if (typeof data !== "object" || data === null || !("reasons" in data)) {
    return [];
  }
  const { reasons } = data;
  return Array.isArray(reasons) ? reasons.filter(isReason) : [];
}

interface ShownReason {
  readonly reason: string;
  readonly remedy: string;
  readonly url?: string;
}

function isReason(value: unknown): value is ShownReason {
  return (
    typeof value === "object" &&
    value !== null &&
    "reason" in value &&
    "remedy" in value &&
    typeof value.reason === "string" &&
    typeof value.remedy === "string" &&
    (!("url" in value) || typeof value.url === "string")
  );
}
