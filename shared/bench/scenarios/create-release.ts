import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEnvironment, type Environment } from "../../config/environment.ts";
import type { ReleaseView } from "../../contract/release.ts";
import type { ScmProvider } from "../../core/ports/scm.ts";
import type * as GitScm from "../../integrations/scm/git/index.ts";
import type * as RunGit from "../../integrations/scm/git/run-git.ts";
import type { ApiClient } from "../api-client.ts";
import { compare, timed, type Contender } from "../measure.ts";
import { importBuilt } from "../paths.ts";
import { startProduct } from "../product.ts";
import { createGitRecorder, runGitBare, type GitRun } from "../recorded-git.ts";
import { atMost, type Row } from "../report.ts";
import { makeRepositories, type RepositoryPlan } from "../repositories.ts";
import type { RunContext, Scenario } from "../scenario.ts";

const GOAL = 1.3;
const CONCURRENCY = 4;

export const createReleaseScenario: Scenario = {
  name: "create-release",
  title: "create-release over many git repositories",
  async run(context) {
    const plans = Array.from({ length: context.isQuick ? 40 : 300 }, (_, index) => ({
      name: `service-${index + 1}`,
      commitCount: 50,
      branches: { uat: 1 + (index % 9) },
    }));
    return [await measureComparing(plans, context), await measureCreating(plans, context)];
  },
};

/** The source control provider alone, in this process. */
async function measureComparing(
  plans: readonly RepositoryPlan[],
  { isQuick, progress }: RunContext,
): Promise<Row> {
  const { createGitScm } = await importBuilt<typeof GitScm>("shared/integrations/scm/git/index.js");
  const folder = mkdtempSync(join(tmpdir(), "slipway-bench-compare-"));
  try {
    progress(`making ${plans.length} repositories`);
    await makeRepositories(join(folder, "repos"), plans);
    const compareAll = (processEnvironment: Environment) =>
      compareWith(
        createGitScm(
          { root: "repos", timeout: 30_000, concurrency: CONCURRENCY },
          { id: "git:0", dataDirectory: folder, baseDir: folder, processEnvironment },
        ),
        plans.length,
      );
    const environment = readEnvironment();
    const recorder = createGitRecorder(join(folder, "recorder"));
    await compareAll({ ...environment, PATH: recorder.path });
    return await besideGit(
      (runs) => `comparing ${plans.length} repositories (${runs.length} git processes)`,
      { runs: recorder.take(), rounds: isQuick ? 2 : 5 },
      async () => timed(() => compareAll(environment)),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a person waits for: from asking the API to the whole answer, with everything stored. */
async function measureCreating(
  plans: readonly RepositoryPlan[],
  { isQuick, progress }: RunContext,
): Promise<Row> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-bench-recorder-"));
  const recorder = createGitRecorder(folder);
  try {
    progress("noting which git calls create-release makes");
    const noted = await startProduct(plans, {
      gitConcurrency: CONCURRENCY,
      env: { PATH: recorder.path },
    });
    const runs = await noteRuns(recorder.take, noted.api("dana"), plans.length);
    await noted.stop();

    const product = await startProduct(plans, { gitConcurrency: CONCURRENCY });
    try {
      const dana = product.api("dana");
      // The notes speak of the other repositories, which are the same and lie elsewhere.
      const here = runs.map((run) => ({
        ...run,
        args: run.args.map((arg) => arg.replaceAll(noted.repositories, product.repositories)),
      }));
      return await besideGit(
        () => `create-release over ${plans.length} repositories (${here.length} git processes)`,
        { runs: here, rounds: isQuick ? 2 : 5 },
        () => createAndClose(dana, plans.length),
      );
    } finally {
      await product.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function noteRuns(
  take: () => readonly GitRun[],
  api: ApiClient,
  count: number,
): Promise<readonly GitRun[]> {
  take();
  await createAndClose(api, count);
  return take();
}

/** Closing is not part of the time; it lets the next round create the same release again. */
async function createAndClose(api: ApiClient, count: number): Promise<number> {
  const start = performance.now();
  const release = await api.send<ReleaseView>("POST", "/releases", {
    source: "uat",
    destination: "master",
  });
  const took = performance.now() - start;
  if (release.items.length !== count || release.problems.length > 0) {
    throw new Error(`the release has ${release.items.length} of ${count} items`);
  }
  const path = `/releases/${String(release.number)}/close`;
  await api.send("POST", path, { reason: "measured" });
  return took;
}

async function besideGit(
  what: (runs: readonly GitRun[]) => string,
  { runs, rounds }: { readonly runs: readonly GitRun[]; readonly rounds: number },
  measureOurs: () => Promise<number>,
): Promise<Row> {
  const { gitEnvironment } = await importBuilt<typeof RunGit>(
    "shared/integrations/scm/git/run-git.js",
  );
  const environment = gitEnvironment(readEnvironment());
  const contenders: readonly Contender[] = [
    { name: "Slipway", measure: async () => [await measureOurs()] },
    {
      name: "the git calls alone",
      measure: async () => [
        await timed(() => runGitBare(runs, { concurrency: CONCURRENCY, environment })),
      ],
    },
  ];
  const [ours, alone] = await compare(contenders, { rounds, headline: "median" });
  if (!ours || !alone) {
    throw new Error("nothing was measured");
  }
  return {
    what: what(runs),
    unit: "ms",
    ours,
    beside: [alone],
    goals: [atMost(ours.value / alone.value, GOAL, `${GOAL} × the git calls alone`)],
  };
}

async function compareWith(scm: ScmProvider, expected: number): Promise<void> {
  const { signal } = new AbortController();
  const repositories = await scm.listRepositories(signal);
  const pairs = repositories.map((repository) => ({ repository, base: "master", head: "uat" }));
  let compared = 0;
  for await (const result of scm.compareMany(pairs, signal)) {
    if (!result.ok || result.comparison.commits.length === 0) {
      throw new Error(`${result.repository.name} was not compared`);
    }
    compared += 1;
  }
  if (compared !== expected) {
    throw new Error(`${compared} of ${expected} repositories were compared`);
  }
}
