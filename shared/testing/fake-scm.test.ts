import { describe, expect, it } from "vitest";
import type { CompareResult, RepoRef } from "../core/ports/scm.ts";
import { createFakeScm, type FakeScmOptions } from "./fake-scm.ts";
import { forgeContract, type Forge } from "./forge-contract.ts";
import { scmContract, type CommitDraft } from "./scm-contract.ts";

scmContract("the fake", async () => workbench(createFakeScm()));

const asForge: FakeScmOptions = {
  pullRequests: true,
  checks: true,
  reports: true,
  webhookSecret: "hush-hush",
  budgets: () => [
    { name: "core", limit: 5_000, remaining: 4_812, resetsAt: new Date(0), pausedUntil: null },
  ],
};
scmContract("the fake as a forge", async () => workbench(createFakeScm(asForge)));
forgeContract("the fake", async () => {
  const provider = createFakeScm(asForge) as ReturnType<typeof createFakeScm> & Forge;
  return {
    ...workbench(provider),
    provider,
    async statuses({ name }, sha) {
      const told = provider.told.flatMap((one) =>
        one.kind === "status" && one.repository === name && one.sha === sha ? [one.status] : [],
      );
      return [...new Map(told.map((status) => [status.context, status])).values()];
    },
    async deployments({ name }) {
      const told = provider.told.flatMap((one) =>
        one.kind === "deployment" && one.repository === name ? [one.report] : [],
      );
      return [...new Map(told.map((report) => [report.deployment, report])).values()];
    },
    pushCall: ({ name }, branch, deliveryId) =>
      provider.webhook({ deliveryId, repository: name, branches: [branch] }),
  };
});

function workbench(provider: ReturnType<typeof createFakeScm>) {
  return {
    provider,
    repository: async (name: string) => provider.repository(name).ref,
    commit: async ({ name }: RepoRef, branch: string, draft: CommitDraft) =>
      provider.repository(name).commit(branch, draft),
    move: async ({ name }: RepoRef, branch: string, sha: string) =>
      provider.repository(name).move(branch, sha),
    remove: async ({ name }: RepoRef) => provider.removeRepository(name),
    close: async () => undefined,
  };
}

describe(createFakeScm, () => {
  const never = new AbortController().signal;

  function withTwo() {
    const scm = createFakeScm({ commitLimit: 2 });
    const pairs = ["api-gateway", "auth-service"].map((name) => {
      const repository = scm.repository(name);
      repository.move("uat", repository.commit("master", { title: "begin" }));
      for (const title of ["feat: a", "feat: b", "feat: c"]) {
        repository.commit("uat", { title, files: { [title]: "x" } });
      }
      return { repository: repository.ref, base: "master", head: "uat" };
    });
    return { scm, pairs };
  }

  it("cuts commits and keeps the count true", async () => {
    const { scm, pairs } = withTwo();
    for await (const result of scm.compareMany(pairs, never)) {
      expect(result.ok && result.comparison).toMatchObject({ commitCount: 3, truncated: true });
    }
  });

  it("breaks one repository and mends it again", async () => {
    const { scm, pairs } = withTwo();
    scm.breakRepository("auth-service", { code: "timeout", reason: "too slow." });
    const failed = (await all(scm.compareMany(pairs, never))).filter((result) => !result.ok);
    expect(failed).toMatchObject([{ failure: { code: "timeout", reason: "too slow." } }]);
    scm.breakRepository("auth-service", undefined);
    expect((await all(scm.compareMany(pairs, never))).every((result) => result.ok)).toBe(true);
  });

  it("holds back a slow repository while the others answer", async () => {
    const { scm, pairs } = withTwo();
    const finish = scm.slow("api-gateway");
    const results = scm.compareMany(pairs, never)[Symbol.asyncIterator]();
    expect((await results.next()).value).toMatchObject({ repository: { name: "auth-service" } });
    finish();
    expect((await results.next()).value).toMatchObject({ repository: { name: "api-gateway" } });
  });

  it("lets the asker give up on a slow repository", async () => {
    const { scm, pairs } = withTwo();
    scm.slow("api-gateway");
    const stop = new AbortController();
    const asked = scm.resolveMany(
      pairs.map(({ repository }) => ({ repository, ref: "uat" })),
      stop.signal,
    );
    stop.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
  });

  it("has pull requests and checks only when asked to", async () => {
    const { pairs } = withTwo();
    expect(createFakeScm().ciState).toBeUndefined();
    expect(createFakeScm().pullRequest).toBeUndefined();
    expect(createFakeScm().openPullRequest).toBeUndefined();
    expect(createFakeScm().reportStatus).toBeUndefined();
    expect(createFakeScm().hear).toBeUndefined();
    const scm = createFakeScm({ checks: true, pullRequests: true });
    const [{ repository } = { repository: scm.repository("x").ref }] = pairs;
    scm.setCiState(repository.name, "a", { state: "failure", url: null, summary: "1 of 3 failed" });
    expect((await scm.ciState?.(repository, "a", never))?.state).toBe("failure");
    expect((await scm.ciState?.(repository, "b", never))?.state).toBe("none");
    expect(await scm.pullRequest?.(repository, "master", "uat", never)).toBeNull();
  });
});

async function all(results: AsyncIterable<CompareResult>): Promise<readonly CompareResult[]> {
  const list: CompareResult[] = [];
  for await (const result of results) {
    list.push(result);
  }
  return list;
}
