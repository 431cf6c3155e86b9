import { AppError } from "../errors/app-error.ts";

/** After this many attempts work is dead, until a person looks at it. */
export const MOST_ATTEMPTS = 15;

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10 * 60_000;

export type AfterFailure =
  | { readonly then: "retry"; readonly at: Date; readonly error: string }
  | { readonly then: "bury"; readonly error: string };

/**
 * What becomes of background work that threw: the kind of the error decides. A refusal stays one however often it is asked,
 * so it is dead at once; a fault of somebody else, or a bug, is tried again after pauses that double up to ten minutes (about
 * an hour in all), or after the time the other side named.
 */
export function afterFailure(error: unknown, attempts: number, now: Date): AfterFailure {
  const text = describeFailure(error);
  if (isFinal(error) || attempts >= MOST_ATTEMPTS) {
    return { then: "bury", error: text };
  }
  const pause = Math.min(FIRST_PAUSE_MS * 2 ** Math.max(0, attempts - 1), LONGEST_PAUSE_MS);
  const asked = retryAfterMs(error);
  return { then: "retry", at: new Date(now.getTime() + Math.max(pause, asked ?? 0)), error: text };
}

/** Whether the failure is our own fault and belongs into the log with its stack. */
export function isOurFault(error: unknown): boolean {
  return !(error instanceof AppError) || error.kind === "internal";
}

function isFinal(error: unknown): boolean {
  if (!(error instanceof AppError)) {
    return false;
  }
  switch (error.kind) {
    case "invalid_input":
    case "unauthenticated":
    case "forbidden":
    case "not_found":
    case "conflict":
    case "blocked":
      return true;
    case "rate_limited":
    case "upstream":
    case "timeout":
    case "internal":
      return false;
  }
}

function retryAfterMs(error: unknown): number | undefined {
  const data: unknown = error instanceof AppError ? error.data : undefined;
  return typeof data === "object" &&
    data !== null &&
    "retryAfterMs" in data &&
    typeof data.retryAfterMs === "number"
    ? data.retryAfterMs
    : undefined;
}

/** What a person who looks at dead work reads. */
function describeFailure(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return (error instanceof AppError ? `${error.code}: ${error.message}` : text).slice(0, 2_000);
}
