import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JobRow } from "../../db/rows/job.ts";
import type { RepoRef } from "../../core/ports/scm.ts";
import { githubWorkbench } from "../../integrations/scm/github/testing/github-workbench.ts";
import { createRepositoryFinder } from "../deployments/find-repository.ts";
import {
  createReleaseBench,
  person,
  type ReleaseBench,
} from "../releases/testing/release-bench.ts";
import { createForgeEars } from "./hear-forge.ts";
import { reportToForges } from "./report-to-forges.ts";
import { watchScm } from "./watch-scm.ts";

const pair = { source: "uat", destination: "master" };
const dana = person("dana");
const quinn = person("quinn");
const never = new AbortController().signal;

let github: Awaited<ReturnType<typeof githubWorkbench>>;
let bench: ReleaseBench;
let repositories: readonly RepoRef[];

beforeEach(async () => {
  github = await githubWorkbench();
  repositories = await Promise.all(["auth", "billing"].map(add));
  const scm = watchScm(github.provider, { now: () => new Date() });
  bench = await createReleaseBench({ scms: [scm] });
});
afterEach(async () => {
  await bench.close();
  await github.close();
});

async function add(name: string): Promise<RepoRef> {
  const repository = await github.repository(name);
  const root = await github.commit(repository, "master", { title: "begin", files: { a: "1\n" } });
  await github.move(repository, "uat", root);
  await github.commit(repository, "uat", { title: "feat: more", files: { b: "1\n" } });
  return repository;
}

describe("a release of repositories at GitHub", () => {
  it("gets its pull requests, shows its signatures there, and hears of pushes", async () => {
    const created = await bench.services.create(dana, pair);
    expect(created.missingPullRequests).toEqual(["auth", "billing"]);

    const { release, results } = await bench.services.openPullRequests(dana, 1, {});
    expect(results.map(({ pullRequest, reason }) => [pullRequest?.state, reason])).toEqual([
      ["open", null],
      ["open", null],
    ]);
    expect(release.missingPullRequests).toEqual([]);
    const refreshed = await bench.services.refresh(dana, 1);
    expect(refreshed.items.map(({ pullRequest }) => pullRequest?.title)).toEqual([
      "Release #1: uat → master",
      "Release #1: uat → master",
    ]);

    const deps = {
      ...bench.deps,
      ...createRepositoryFinder(bench.deps.scms, bench.deps.clock),
      environments: bench.deps.environments.map((one) => ({ ...one, reportToForge: true })),
    };
    const states = () =>
      Promise.all(
        repositories.map(async (repository) => {
          const item = refreshed.items.find((one) => one.repository === repository.name);
          const [status] = await github.statuses(repository, item?.headSha ?? "");
          return status;
        }),
      );
    await reportToForges(deps, { release: 1 }, never);
    expect(await states()).toMatchObject([
      { context: "slipway/prod", state: "pending" },
      { context: "slipway/prod", state: "pending" },
    ]);
    const { fingerprint } = refreshed;
    await bench.services.signOff(dana, 1, { role: "dev", fingerprint });
    await bench.services.signOff(quinn, 1, { role: "qa", fingerprint });
    await reportToForges(deps, { release: 1 }, never);
    expect(await states()).toMatchObject([
      { state: "success", description: expect.stringContaining("Dana (dev)") as string },
      { state: "success" },
    ]);
    github.fake.forgetRequests();
    await reportToForges(deps, { release: 1 }, never);
    expect(github.fake.requests).toEqual([]);

    const ear = createForgeEars(bench.deps, bench.deps.scms).get("github");
    const [auth] = repositories;
    if (!auth || !ear) {
      throw new Error("nothing to hear");
    }
    const call = github.pushCall(auth, "uat", "delivery-1");
    expect(await ear({ ...call, body: `${call.body} ` })).toBe(401);
    expect(await ear(call)).toBe(202);
    expect(await JobRow.findOne({ where: { name: "release.refresh" } })).toMatchObject({
      payload: { number: 1 },
    });
  });

  it("names what GitHub refuses, and opens the rest", async () => {
    await bench.services.create(dana, pair);
    github.fake.fail({
      method: "POST",
      path: /acme\/billing\/pulls/,
      fault: { status: 403, body: '{"message":"Resource not accessible by integration"}' },
    });
    const { results } = await bench.services.openPullRequests(dana, 1, {});
    expect(results).toMatchObject([
      { repository: "auth", pullRequest: { state: "open" } },
      {
        repository: "billing",
        pullRequest: null,
        reason: expect.stringContaining("billing") as string,
        remedy: expect.any(String) as string,
      },
    ]);
  });
});
