import type { ProviderFailure } from "../../../core/ports/scm.ts";
import { createRedactor } from "../../../lib/redact.ts";
import { cleanText } from "../../../lib/text.ts";
import { formatDuration } from "../../../lib/time.ts";

/** One repository could not be read or written. Never leaves this folder: it becomes a failure or an `AppError`. */
export class RepositoryFailed extends Error {
  readonly failure: ProviderFailure;
  constructor(failure: ProviderFailure, cause?: unknown) {
    super(failure.reason, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}

const redact = createRedactor();

/** What git prints (in C locale, git 2.31 to 2.52) and what that means for a person. The first that fits is the answer. */
const MEANINGS: readonly (readonly [RegExp, ProviderFailure["code"], string])[] = [
  [/git is not installed/, "unavailable", "Install git on the machine Slipway runs on."],
  [
    /could not resolve host|couldn't connect|connection (?:refused|timed out|reset|closed)|network is unreachable|no route to host|operation timed out|the remote end hung up|early eof|http 5\d\d|error: 5\d\d/i,
    "unavailable",
    "Check that the host answers, then try again.",
  ],
  [
    /authentication failed|could not read (?:username|password)|permission denied \(|host key verification failed|error: 40[13]|access denied|terminal prompts disabled/i,
    "repository_unreadable",
    "Check the credentials of this repository in config.yaml.",
  ],
  [
    /dubious ownership/i,
    "repository_unreadable",
    "Make the user Slipway runs as the owner of the repository.",
  ],
  [
    /repository ['"].*['"] (?:not found|does not exist)|repository not found|does not appear to be a git repository|error: 404/i,
    "repository_missing",
    "Check the address in config.yaml, and that the repository still exists.",
  ],
  [
    /no space left|disk quota|file name too long|read-only file system/i,
    "unavailable",
    "Check the disk of the machine Slipway runs on, then try again.",
  ],
  [
    /permission denied|operation not permitted/i,
    "repository_unreadable",
    "Give the user Slipway runs as the right to read the repository.",
  ],
];

/** Sorts a failed git command by what it printed, or by having taken too long. Says nothing secret. */
export function sortGitFailure(
  failed:
    | { readonly operation: string; readonly timeoutMs: number }
    | { readonly operation: string; readonly stderr: string },
): ProviderFailure {
  if ("timeoutMs" in failed) {
    return {
      code: "timeout",
      reason: `git did not finish ${failed.operation} within ${formatDuration(failed.timeoutMs)}.`,
      remedy: "Try again; if it keeps happening, look at the repository or raise its `timeout`.",
    };
  }
  const meaning = MEANINGS.find(([pattern]) => pattern.test(failed.stderr));
  return {
    code: meaning?.[1] ?? "repository_unreadable",
    reason: `git failed while ${failed.operation}: ${complaint(failed.stderr)}.`,
    remedy: meaning?.[2] ?? "Run `git fsck` in the repository to see what is wrong with it.",
  };
}

/** The line that says what went wrong, as people can read it. */
export function complaint(stderr: string): string {
  const lines = stderr
    .slice(0, 20_000)
    .split(/[\r\n]+/)
    .filter((line) => !/^(?:hint|warning):|^\s*$/.test(line));
  const line = lines.find((text) => /^(?:fatal|error|ERROR|remote):/.test(text)) ?? lines[0];
  const said = cleanText(redact(line ?? ""), 300).replace(/^(?:fatal|error|remote):\s*/i, "");
  return said.replace(/\.$/, "") || "it gave no reason";
}
