import { z } from "zod";
import { isRecord, type GithubClient } from "./client.ts";
import { GithubFailed } from "./failures.ts";
import type { FileStates } from "./patch-identity.ts";
import { createQuestion, type Question, type RepoAddress } from "./question.ts";
import type { FileState } from "./trees.ts";

/** Files asked about in one query. */
const MOST_FILES = 400;

/** Files of two commits of one repository. */
export interface StatesJob {
  readonly address: RepoAddress;
  readonly fromSha: string;
  readonly toSha: string;
  /** Names on both sides; null where the file does not exist. */
  readonly files: readonly { readonly before: string | null; readonly after: string | null }[];
}

/** Reads modes and content ids of files of many repositories together. */
export interface FileStatesReader {
  /** Says that a job will follow, so that it is waited for; each must be followed by `read` or `drop`. */
  expect(): void;
  drop(): void;
  /** In the order of the files. Throws `GithubFailed`. */
  read(job: StatesJob): Promise<readonly FileStates[]>;
}

interface Wanted {
  readonly job: StatesJob;
  readonly done: (states: readonly FileStates[]) => void;
  readonly fail: (error: unknown) => void;
}

/** One file on one side. */
interface Place {
  readonly job: StatesJob;
  readonly sha: string;
  readonly path: string;
}

const Entry = z.object({ mode: z.number(), oid: z.string() });

/**
 * The comparison says what lines a file got, but not whether it may be run now, nor what it held before. Both belong to
 * what was signed, and asking for many repositories at once costs one request for all of them.
 */
export function createFileStatesReader(
  client: GithubClient,
  signal: AbortSignal,
): FileStatesReader {
  let expected = 0;
  let waiting: Wanted[] = [];

  return {
    expect() {
      expected += 1;
    },
    drop() {
      expected -= 1;
      flushWhenReady();
    },
    read: (job) =>
      new Promise((done, fail) => {
        waiting.push({ job, done, fail });
        expected -= 1;
        flushWhenReady();
      }),
  };

  function flushWhenReady(): void {
    const count = waiting.reduce((sum, { job }) => sum + 2 * job.files.length, 0);
    if (waiting.length > 0 && (expected <= 0 || count >= MOST_FILES)) {
      const wanted = waiting;
      waiting = [];
      void answer(wanted);
    }
  }

  async function answer(wanted: readonly Wanted[]): Promise<void> {
    try {
      const places = [...new Set(wanted.map(({ job }) => job))].flatMap((job) =>
        job.files.flatMap(({ before, after }): readonly Place[] => [
          ...(before === null ? [] : [{ job, sha: job.fromSha, path: before }]),
          ...(after === null ? [] : [{ job, sha: job.toSha, path: after }]),
        ]),
      );
      const states = new Map<string, FileState>();
      for (let from = 0; from < places.length; from += MOST_FILES) {
        await ask(places.slice(from, from + MOST_FILES), states);
      }
      wanted.forEach((one) => settle(one, states));
    } catch (error) {
      wanted.forEach(({ fail }) => fail(error));
    }
  }

  function settle({ job, done, fail }: Wanted, states: ReadonlyMap<string, FileState>): void {
    const missing = job.files.find(
      ({ before, after }) =>
        (before !== null && !states.has(keyOf(job, job.fromSha, before))) ||
        (after !== null && !states.has(keyOf(job, job.toSha, after))),
    );
    if (missing !== undefined) {
      const path = missing.after ?? missing.before ?? "";
      fail(
        new GithubFailed({
          code: "repository_unreadable",
          reason: `GitHub does not tell what ${path} of ${job.address.name} is.`,
          remedy: "Look at that file on GitHub.",
        }),
      );
      return;
    }
    const stateOf = (sha: string, path: string | null) =>
      path === null ? null : (states.get(keyOf(job, sha, path)) ?? null);
    done(
      job.files.map(({ before, after }) => ({
        before: stateOf(job.fromSha, before),
        after: stateOf(job.toSha, after),
      })),
    );
  }

  /** Asks, and asks for halves where it is too much; when a system that is down makes halves of halves fail, the first ends it. */
  async function ask(places: readonly Place[], states: Map<string, FileState>): Promise<void> {
    try {
      await askOnce(places, states);
    } catch (error) {
      if (!(error instanceof GithubFailed) || !error.isTooMuch || places.length < 2) {
        throw error;
      }
      const middle = Math.floor(places.length / 2);
      await ask(places.slice(0, middle), states);
      await ask(places.slice(middle), states);
    }
  }

  async function askOnce(places: readonly Place[], states: Map<string, FileState>): Promise<void> {
    const repositories = groupBy(places, ({ job }) => keyOf(job, "", ""));
    const question = createQuestion();
    const asked = repositories.flatMap((group) => {
      const [first] = group;
      const commits = groupBy(group, ({ sha }) => sha);
      if (first !== undefined) {
        question.repository(first.job.address, () =>
          commits.map((files, index) => commitSelection(question, index, files)).join(" "),
        );
      }
      return [commits];
    });
    const answers = await question.ask(client, { operation: "reading modes of files" }, signal);
    asked.forEach((commits, index) => {
      const answer = answers[index];
      const data = answer !== undefined && "data" in answer ? answer.data : {};
      commits.forEach((files, commit) => {
        const found = data[`c${commit}`];
        files.forEach(({ job, sha, path }, at) => {
          const entry = Entry.safeParse(isRecord(found) ? found[`f${at}`] : undefined);
          // One that is not told concerns its own repository only.
          if (entry.success) {
            const { mode, oid } = entry.data;
            states.set(keyOf(job, sha, path), { mode: mode.toString(8), oid });
          }
        });
      });
    });
  }
}

function commitSelection(question: Question, index: number, places: readonly Place[]): string {
  const files = places.map(
    ({ path }, at) => `f${at}: file(path: ${question.variable(path)}) { mode oid }`,
  );
  const commit = question.variable(places[0]?.sha ?? "", "GitObjectID!");
  return `c${index}: object(oid: ${commit}) { ... on Commit { ${files.join(" ")} } }`;
}

function groupBy<T>(items: readonly T[], keyFor: (item: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyFor(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return [...groups.values()];
}

function keyOf({ address }: StatesJob, sha: string, path: string): string {
  return [address.owner, address.name, sha, path].join("\0");
}
