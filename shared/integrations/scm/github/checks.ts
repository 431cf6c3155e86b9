import { z } from "zod";
import type { CiState } from "../../../core/ports/scm.ts";
import { cleanText, joinWords, pluralise } from "../../../lib/text.ts";

/** Checks read with a commit; for more the rollup's own word counts. */
const MOST_CONTEXTS = 100;
const SHOWN_NAMES = 3;

/** Part of a query on `Commit`: check runs and commit statuses together, the newest of each name. */
export const ROLLUP_SELECTION = `statusCheckRollup {
  state
  contexts(first: ${MOST_CONTEXTS}) {
    totalCount
    nodes {
      __typename
      ... on CheckRun { name status conclusion detailsUrl }
      ... on StatusContext { context state targetUrl }
    }
  }
}`;

const Text = z.string().nullish();

export const Rollup = z
  .object({
    state: z.string(),
    contexts: z.object({
      totalCount: z.number(),
      nodes: z.array(
        z
          .object({
            name: Text,
            status: Text,
            conclusion: Text,
            detailsUrl: Text,
            context: Text,
            state: Text,
            targetUrl: Text,
          })
          .nullable(),
      ),
    }),
  })
  .nullable();
export type Rollup = z.output<typeof Rollup>;

type Outcome = "passed" | "failed" | "waiting";

/** https://docs.github.com/en/graphql/reference/enums#checkconclusionstate */
const CONCLUSIONS: Readonly<Record<string, Outcome>> = {
  SUCCESS: "passed",
  NEUTRAL: "passed",
  SKIPPED: "passed",
  FAILURE: "failed",
  TIMED_OUT: "failed",
  CANCELLED: "failed",
  ACTION_REQUIRED: "failed",
  STARTUP_FAILURE: "failed",
  // GitHub itself gave up waiting for it: nobody knows, so it has not passed.
  STALE: "failed",
};

/** https://docs.github.com/en/graphql/reference/enums#statusstate */
const STATES: Readonly<Record<string, Outcome>> = {
  SUCCESS: "passed",
  FAILURE: "failed",
  ERROR: "failed",
  PENDING: "waiting",
  EXPECTED: "waiting",
};

/** Check runs and statuses of one commit as one state. `commitUrl` is where people see them. */
export function toCiState(rollup: Rollup, commitUrl: string | null): CiState {
  const contexts = (rollup?.contexts.nodes ?? []).flatMap((node) => (node === null ? [] : [node]));
  const total = rollup?.contexts.totalCount ?? 0;
  if (rollup === null || total === 0) {
    return { state: "none", url: null, summary: "no checks" };
  }
  const checks = contexts.map((one) => ({
    name: cleanText(one.name ?? one.context ?? "", 100) || "a check without a name",
    outcome: outcomeOf(one),
    url: webUrl(one.detailsUrl ?? one.targetUrl),
  }));
  const having = (outcome: Outcome) => checks.filter((check) => check.outcome === outcome);
  const [failed, waiting] = [having("failed"), having("waiting")];
  const page = commitUrl === null ? null : `${commitUrl}/checks`;
  // What was not read may have failed: of that only the rollup knows.
  const rest = total > contexts.length ? STATES[rollup.state] : "passed";
  if (failed.length > 0 || rest === "failed") {
    return {
      state: "failure",
      url: failed[0]?.url ?? page,
      summary: failed.length > 0 ? `failed: ${names(failed)}` : `one of ${total} checks failed`,
    };
  }
  if (waiting.length > 0 || rest !== "passed") {
    return {
      state: "pending",
      url: waiting[0]?.url ?? page,
      summary:
        waiting.length > 0 ? `waiting for ${names(waiting)}` : `waiting for one of ${total} checks`,
    };
  }
  return {
    state: "success",
    url: page,
    summary: `${pluralise(total, "check")} passed`,
  };
}

function outcomeOf(one: {
  readonly status?: string | null | undefined;
  readonly conclusion?: string | null | undefined;
  readonly state?: string | null | undefined;
}): Outcome {
  if (typeof one.state === "string") {
    return STATES[one.state] ?? "waiting";
  }
  return one.status === "COMPLETED" ? (CONCLUSIONS[one.conclusion ?? ""] ?? "failed") : "waiting";
}

function names(checks: readonly { readonly name: string }[]): string {
  const shown = checks.slice(0, SHOWN_NAMES).map(({ name }) => name);
  const more = checks.length - shown.length;
  return joinWords(more > 0 ? [...shown, `${more} more`] : shown);
}

/** An address as we may show it: others write these. */
export function webUrl(text: string | null | undefined): string | null {
  const url = URL.parse(text ?? "");
  return url !== null && ["https:", "http:"].includes(url.protocol) ? url.href : null;
}
