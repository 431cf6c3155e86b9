import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readEnvironment, type Environment } from "../../config/environment.ts";
import type { ScmProvider } from "../../core/ports/scm.ts";
import type * as GitScm from "../../integrations/scm/git/index.ts";
import type * as RunGit from "../../integrations/scm/git/run-git.ts";
import { compare, timed, type Contender } from "../measure.ts";
import { importBuilt } from "../paths.ts";
import { createGitRecorder, runGitBare } from "../recorded-git.ts";
import { atMost } from "../report.ts";
import { makeRepositories } from "../repositories.ts";
import type { Scenario } from "../scenario.ts";

const GOAL = 1.3;
const CONCURRENCY = 4;

export const compareRepositoriesScenario: Scenario = {
  name: "compare-repositories",
  title: "Comparing 300 repositories through git",
  async run({ isQuick, progress }) {
    const count = isQuick ? 40 : 300;
    const { createGitScm } = await importBuilt<typeof GitScm>(
      "shared/integrations/scm/git/index.js",
    );
    const { gitEnvironment } = await importBuilt<typeof RunGit>(
      "shared/integrations/scm/git/run-git.js",
    );
    const folder = mkdtempSync(join(tmpdir(), "slipway-bench-compare-"));
    try {
      progress(`making ${count} repositories`);
      const plans = Array.from({ length: count }, (_, index) => ({
        name: `service-${index + 1}`,
        commitCount: 50,
        branches: { uat: 1 + (index % 9) },
      }));
      await makeRepositories(join(folder, "repos"), plans);

      const compareAll = (processEnvironment: Environment) =>
        compareWith(
          createGitScm(
            { root: "repos", timeout: 30_000, concurrency: CONCURRENCY },
            {
              id: "git:0",
              dataDirectory: folder,
              baseDir: folder,
              processEnvironment,
            },
          ),
          count,
        );
      const recorder = createGitRecorder(join(folder, "recorder"));
      const environment = readEnvironment();
      await compareAll({ ...environment, PATH: recorder.path });
      const runs = recorder.take();
      progress(`${runs.length} runs of git`);

      const bare = gitEnvironment(environment);
      const contenders: readonly Contender[] = [
        { name: "Slipway", measure: async () => [await timed(() => compareAll(environment))] },
        {
          name: "the git calls alone",
          measure: async () => [
            await timed(() => runGitBare(runs, { concurrency: CONCURRENCY, environment: bare })),
          ],
        },
      ];
      const rounds = isQuick ? 2 : 5;
      const [ours, alone] = await compare(contenders, { rounds, headline: "median" });
      if (!ours || !alone) {
        throw new Error("nothing was measured");
      }
      return [
        {
          what: `comparing ${count} repositories (${runs.length} git processes)`,
          unit: "ms",
          ours,
          beside: [alone],
          goals: [atMost(ours.value / alone.value, GOAL, `${GOAL} × the git calls alone`)],
        },
      ];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

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
