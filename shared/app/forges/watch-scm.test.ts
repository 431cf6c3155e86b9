import { describe, expect, it } from "vitest";
import type { RequestBudget, ScmProvider } from "../../core/ports/scm.ts";
import { UpstreamUnavailable } from "../../errors/catalog.ts";
import { createManualClock } from "../../testing/clock.ts";
import { createFakeScm } from "../../testing/fake-scm.ts";
import { scmContract, type CommitDraft } from "../../testing/scm-contract.ts";
import { watchScm } from "./watch-scm.ts";

const never = new AbortController().signal;
const clock = createManualClock();

scmContract("a watched provider", async () => {
  const scm = createFakeScm();
  return {
    provider: watchScm(scm, clock),
    repository: async (name) => scm.repository(name).ref,
    commit: async ({ name }, branch, draft: CommitDraft) =>
      scm.repository(name).commit(branch, draft),
    move: async ({ name }, branch, sha) => scm.repository(name).move(branch, sha),
    remove: async ({ name }) => scm.removeRepository(name),
    close: async () => undefined,
  };
});

function setUp() {
  const scm = createFakeScm();
  const pairs = ["auth", "billing"].map((name) => {
    const repository = scm.repository(name);
    repository.move("uat", repository.commit("master", { title: "begin" }));
    return { repository: repository.ref, base: "master", head: "uat" };
  });
  return { scm, pairs, watched: watchScm(scm, clock) };
}

async function compareAll(scm: ScmProvider, pairs: Parameters<ScmProvider["compareMany"]>[0]) {
  for await (const result of scm.compareMany(pairs, never)) {
    expect(result.repository).toBeDefined();
  }
}

describe(watchScm.name, () => {
  it("can do what the provider can do, and nothing else", () => {
    const all = createFakeScm({
      pullRequests: true,
      checks: true,
      reports: true,
      budgets: () => [],
      webhookSecret: "x",
    });
    const optional = [
      "pullRequest",
      "openPullRequest",
      "ciState",
      "reportStatus",
      "reportDeployment",
      "budgets",
      "hear",
    ] as const;
    for (const method of optional) {
      expect(watchScm(all, clock)[method], method).toBeTypeOf("function");
      expect(watchScm(createFakeScm(), clock)[method], method).toBeUndefined();
    }
  });

  it("says nothing before it was asked, and how it answered afterwards", async () => {
    const { watched } = setUp();
    expect(watched.connection()).toMatchObject({ state: "unknown", detail: null });
    await watched.listRepositories(never);
    expect(watched.connection()).toMatchObject({ state: "up", detail: null });
  });

  it("is down when no repository answers, with the reason, until one does", async () => {
    const { scm, pairs, watched } = setUp();
    scm.breakRepository("auth", { code: "timeout", reason: "too slow." });
    await compareAll(watched, pairs);
    expect(watched.connection().state).toBe("up");
    scm.breakRepository("billing", { code: "unavailable", reason: "nobody answers." });
    await compareAll(watched, pairs);
    expect(watched.connection()).toMatchObject({ state: "down", detail: "too slow." });
    scm.breakRepository("auth", { code: "repository_missing", reason: "it is gone." });
    await compareAll(watched, pairs);
    expect(watched.connection()).toMatchObject({ state: "up", detail: null });
  });

  it("tells a refusal from silence", async () => {
    const { scm, pairs, watched } = setUp();
    const [pair] = pairs;
    const ask = () =>
      watched.listBranches(pair?.repository ?? scm.repository("x").ref, { limit: 1 }, never);
    scm.breakRepository("auth", { code: "repository_unreadable", reason: "no rights." });
    await expect(ask()).rejects.toMatchObject({ code: "upstream.rejected" });
    expect(watched.connection().state).toBe("up");
    scm.breakRepository("auth", { code: "unavailable", reason: "connection refused." });
    await expect(ask()).rejects.toBeInstanceOf(UpstreamUnavailable);
    expect(watched.connection()).toMatchObject({
      state: "down",
      detail: expect.stringContaining("connection refused") as string,
    });
  });

  it.each<[string, Partial<RequestBudget>, string]>([
    ["left", {}, "core 4,812 of 5,000 until 14:05 UTC"],
    ["paused", { pausedUntil: new Date("2026-11-25T12:03:00Z") }, "core paused until 12:03 UTC"],
    ["over", { resetsAt: new Date("2026-11-25T11:00:00Z") }, "core 5,000 again since 11:00 UTC"],
  ])("tells an allowance that is %s", (_what, changes, detail) => {
    const budget: RequestBudget = {
      name: "core",
      limit: 5_000,
      remaining: 4_812,
      resetsAt: new Date("2026-11-25T14:05:00Z"),
      pausedUntil: null,
      ...changes,
    };
    const scm = createFakeScm({ budgets: () => [budget] });
    const connection = watchScm(scm, clock).connection();
    expect(connection.detail).toBe(detail);
    expect(connection.budgets).toHaveLength(1);
  });
});
