import type { Problem } from "../../../../shared/contract/problem.ts";

/** The server refused or failed, and says why (RFC 9457). */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** The server could not be reached at all. */
export class OfflineError extends Error {
  constructor(cause: unknown) {
    super("Slipway cannot be reached.", { cause });
  }
}

/** What a page shows of any error: a sentence, what to do, and a reference where it is our fault. */
export interface ShownError {
  readonly message: string;
  readonly remedy: string | null;
  readonly reasons: readonly { readonly reason: string; readonly remedy: string }[];
  readonly reference: string | null;
}

export function toShownError(error: unknown): ShownError {
  if (error instanceof ProblemError) {
    const { problem } = error;
    return {
      message: problem.detail,
      remedy: problem.remedy,
      reasons: problem.requirements ?? [],
      reference: problem.status >= 500 ? problem.correlationId : null,
    };
  }
  if (error instanceof OfflineError) {
    return {
      message: error.message,
      remedy: "Check your connection; the page tries again by itself.",
      reasons: [],
      reference: null,
    };
  }
  return {
    message: error instanceof Error ? error.message : "Something went wrong in this page.",
    remedy: "Reload the page.",
    reasons: [],
    reference: null,
  };
}
