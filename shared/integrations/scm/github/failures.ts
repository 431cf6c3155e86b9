import type { ProviderFailure } from "../../../core/ports/scm.ts";
import { cleanText } from "../../../lib/text.ts";
import { formatDuration } from "../../../lib/time.ts";
import type { Pause } from "./account.ts";

/** What came back, as far as it tells why something failed. */
export interface Refusal {
  readonly status: number;
  /** GitHub's own words, secrets removed. */
  readonly message: string;
}

/**
 * Something could not be read or written. Never leaves this folder: it becomes a failure or an `AppError`. Holds nothing of
 * the request, which has a token in it.
 */
export class GithubFailed extends Error {
  readonly failure: ProviderFailure;
  /** Null: no answer came that could be read. */
  readonly refusal: Refusal | null;
  /** The same question with fewer repositories in it may be answered. */
  readonly isTooMuch: boolean;
  constructor(
    failure: ProviderFailure,
    more: { readonly refusal?: Refusal; readonly isTooMuch?: boolean } = {},
  ) {
    super(failure.reason);
    this.name = "GithubFailed";
    this.failure = failure;
    this.refusal = more.refusal ?? null;
    this.isTooMuch = more.isTooMuch ?? false;
  }
}

/** Whether GitHub refused because of a limit, primary or secondary, and not because of a right. */
export function isLimit(
  status: number,
  headers: ReadonlyMap<string, string>,
  text: string,
): boolean {
  return (
    status === 429 ||
    (status === 403 &&
      (headers.get("x-ratelimit-remaining") === "0" ||
        headers.has("retry-after") ||
        /\b(?:secondary rate|rate limit exceeded|abuse detection)/i.test(text)))
  );
}

export function limitFailure(pause: Pause, nowMs: number): ProviderFailure {
  const at = new Date(pause.untilMs);
  const until = `${at.toISOString().slice(11, 16)} UTC (in ${formatDuration(pause.untilMs - nowMs)})`;
  return pause.why === "allowance"
    ? {
        code: "unavailable",
        reason: `GitHub's allowance of requests for this token is used up until ${until}.`,
        remedy: "Try again then, or sign in as a GitHub App, which is allowed more.",
      }
    : {
        code: "unavailable",
        reason: `GitHub asks everybody with this token to wait until ${until}.`,
        remedy: "Try again then. If it happens often, lower `concurrency`.",
      };
}

export function timeoutFailure(operation: string, timeoutMs: number): ProviderFailure {
  return {
    code: "timeout",
    reason: `GitHub did not answer ${operation} within ${formatDuration(timeoutMs)}.`,
    remedy: "Try again; if it keeps happening, look at githubstatus.com or raise `timeout`.",
  };
}

export function unreachableFailure(why: string): ProviderFailure {
  return {
    code: "unavailable",
    reason: `GitHub cannot be reached: ${cleanText(why, 200)}.`,
    remedy: "Check that its address is right and that this machine may reach it, then try again.",
  };
}

/** What came is not what GitHub documents: half a body, a page of a proxy, another system altogether. */
export function nonsenseFailure(operation: string): ProviderFailure {
  return {
    code: "unavailable",
    reason: `GitHub's answer to ${operation} cannot be read.`,
    remedy: "Try again; if it keeps happening, check base_url and any proxy in between.",
  };
}

/** Sorts a refusal by its status and by what GitHub says. `about` is the repository, or what else was asked about. */
export function sortRefusal({ status, message }: Refusal, about: string): ProviderFailure {
  const said = cleanText(message, 300).replace(/\.$/, "");
  switch (status) {
    case 401:
      return {
        code: "repository_unreadable",
        reason: `GitHub does not accept our sign-in (${said}).`,
        remedy: "Make a new token, or check the App's id and key, and put it into config.yaml.",
      };
    case 403:
      return sortForbidden(said, about);
    case 301:
    case 302:
    case 307:
    case 308:
    case 404:
      return {
        code: "repository_missing",
        reason: `GitHub has no ${about}, or this token may not see it.`,
        remedy:
          "Check that it was not deleted or renamed, and that the token or App may read it (see connect-github.md).",
      };
    case 409:
      return /empty/i.test(said)
        ? emptyFailure(about)
        : {
            code: "repository_unreadable",
            reason: `GitHub refused because of a conflict in ${about}: ${said}.`,
            remedy: "Look at it on GitHub, then try again.",
          };
    case 410:
    case 451:
      return {
        code: "repository_unreadable",
        reason: `GitHub does not give ${about} out any more: ${said}.`,
        remedy: "Leave it out in config.yaml.",
      };
    default:
      return status >= 500
        ? {
            code: "unavailable",
            reason: `GitHub is in trouble (${status}${said === "" ? "" : `: ${said}`}).`,
            remedy: "Try again in a moment; githubstatus.com says when it is known.",
          }
        : {
            code: "repository_unreadable",
            reason: `GitHub refused (${status}): ${said || "it gave no reason"}.`,
            remedy: "Look at the repository on GitHub, then try again.",
          };
  }
}

export function emptyFailure(name: string): ProviderFailure {
  return {
    code: "repository_empty",
    reason: `${name} has no branches yet.`,
    remedy: "Push something to it.",
  };
}

export function missingRefFailure(name: string, ref: string, isCommit: boolean): ProviderFailure {
  return isCommit
    ? {
        code: "branch_missing",
        reason: `${name} has no commit ${ref.slice(0, 12)}.`,
        remedy: "It may have been removed by a force-push: refresh and look again.",
      }
    : {
        code: "branch_missing",
        reason: `${name} has no branch "${ref}".`,
        remedy: "Check the spelling, or leave this repository out.",
      };
}

function sortForbidden(said: string, about: string): ProviderFailure {
  const [remedy] = FORBIDDEN.find(([, pattern]) => pattern.test(said)) ?? [
    "Give the token or App the right that connect-github.md names for this.",
  ];
  return {
    code: "repository_unreadable",
    reason: `GitHub does not allow this in ${about}: ${said || "it gave no reason"}.`,
    remedy,
  };
}

const FORBIDDEN: readonly (readonly [string, RegExp])[] = [
  ["Authorize the token for the organization's single sign-on, on its settings page.", /\bSAML\b/i],
  [
    "Add the address of this machine to the organization's IP allow list.",
    /\bIP (?:allow list|address)/i,
  ],
  [
    "Make a fine-grained token, or sign in as a GitHub App: the organization allows no classic ones.",
    /personal access token \(classic\)|classic personal access token/i,
  ],
  ["Leave it out in config.yaml, or have it unlocked.", /archived|blocked|disabled|suspended/i],
];
