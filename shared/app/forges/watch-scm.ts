import type { BudgetView } from "../../contract/connection.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type {
  CompareResult,
  RefPair,
  RefResult,
  RequestBudget,
  ScmProvider,
} from "../../core/ports/scm.ts";
import { AppError } from "../../errors/app-error.ts";

/** How source control answered last. */
export interface ScmConnection {
  readonly provider: string;
  /** `unknown`: it was not asked yet. */
  readonly state: "unknown" | "up" | "down";
  /** Its allowances, or why it is down, in a few words; null when there is nothing to say. */
  readonly detail: string | null;
  readonly budgets: readonly BudgetView[];
}

/** A provider that remembers how it answered. */
export interface WatchedScm extends ScmProvider {
  /** Never asks. */
  connection(): ScmConnection;
}

type Result = CompareResult | RefResult;

/** The same provider, remembering its last answer. What it cannot do is missing here too. */
export function watchScm(scm: ScmProvider, clock: Clock): WatchedScm {
  let state: ScmConnection["state"] = "unknown";
  let why: string | null = null;

  return {
    id: scm.id,
    listRepositories: watch(scm.listRepositories.bind(scm)),
    compareMany: watchedComparison,
    async resolveMany(refs, signal) {
      const results = await watch(scm.resolveMany.bind(scm))(refs, signal);
      noteResults(results);
      return results;
    },
    listBranches: watch(scm.listBranches.bind(scm)),
    patchIdentity: watch(scm.patchIdentity.bind(scm)),
    land: watch(scm.land.bind(scm)),
    cloneUrl: scm.cloneUrl.bind(scm),
    ...(scm.pullRequest && { pullRequest: watch(scm.pullRequest.bind(scm)) }),
    ...(scm.ciState && { ciState: watch(scm.ciState.bind(scm)) }),
    readFile: watch(scm.readFile.bind(scm)),
    ...(scm.openPullRequest && { openPullRequest: watch(scm.openPullRequest.bind(scm)) }),
    ...(scm.reportStatus && { reportStatus: watch(scm.reportStatus.bind(scm)) }),
    ...(scm.reportDeployment && { reportDeployment: watch(scm.reportDeployment.bind(scm)) }),
    ...(scm.budgets && { budgets: scm.budgets.bind(scm) }),
    ...(scm.hear && { hear: scm.hear.bind(scm) }),
    connection() {
      const budgets = scm.budgets?.() ?? [];
      const words = budgets.map((budget) => budgetWords(budget, clock.now())).join("; ");
      const detail = [why, words].filter((part) => part !== null && part !== "").join("; ");
      return {
        provider: scm.id,
        state,
        detail: detail === "" ? null : detail,
        budgets: budgets.map(presentBudget),
      };
    },
  };

  function watch<A extends readonly unknown[], T>(
    ask: (...args: A) => Promise<T>,
  ): (...args: A) => Promise<T> {
    return async (...args) => {
      try {
        const answer = await ask(...args);
        answered();
        return answer;
      } catch (error) {
        noteError(error);
        throw error;
      }
    };
  }

  async function* watchedComparison(
    pairs: readonly RefPair[],
    signal: AbortSignal,
  ): AsyncGenerator<CompareResult> {
    const results: CompareResult[] = [];
    try {
      for await (const result of scm.compareMany(pairs, signal)) {
        results.push(result);
        yield result;
      }
      noteResults(results);
    } catch (error) {
      noteError(error);
      throw error;
    }
  }

  /** One repository that is slow says nothing; when none of them answered, source control does not. */
  function noteResults(results: readonly Result[]): void {
    const silent = results.filter(
      (result) => !result.ok && ["timeout", "unavailable"].includes(result.failure.code),
    );
    const [first] = silent;
    if (results.length === 0) {
      return;
    }
    if (silent.length < results.length) {
      answered();
    } else if (first?.ok === false) {
      state = "down";
      why = first.failure.reason;
    }
  }

  function noteError(error: unknown): void {
    if (!(error instanceof AppError)) {
      return;
    }
    if (error.code === "upstream.rejected") {
      // It was there to say no.
      answered();
    } else if (["upstream", "timeout", "rate_limited"].includes(error.kind)) {
      state = "down";
      why = error.message;
    }
  }

  function answered(): void {
    state = "up";
    why = null;
  }
}

/** `core 4,812 of 5,000 until 14:05 UTC`. */
function budgetWords(budget: RequestBudget, now: Date): string {
  const { name, limit, remaining, resetsAt, pausedUntil } = budget;
  if (pausedUntil !== null && pausedUntil > now) {
    return `${name} paused until ${timeWords(pausedUntil)}`;
  }
  // The allowance of a time that is over says nothing about now.
  return resetsAt <= now
    ? `${name} ${count(limit)} again since ${timeWords(resetsAt)}`
    : `${name} ${count(remaining)} of ${count(limit)} until ${timeWords(resetsAt)}`;
}

function timeWords(at: Date): string {
  return `${at.toISOString().slice(11, 16)} UTC`;
}

function count(number: number): string {
  return number.toLocaleString("en-US");
}

function presentBudget({ resetsAt, pausedUntil, ...rest }: RequestBudget): BudgetView {
  return {
    ...rest,
    resetsAt: resetsAt.toISOString(),
    pausedUntil: pausedUntil?.toISOString() ?? null,
  };
}
