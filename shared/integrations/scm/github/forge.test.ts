import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CiState, DeploymentReport, RepoRef, ScmProvider } from "../../../core/ports/scm.ts";
import { git } from "../git/testing/git-workbench.ts";
import { startFakeGithub, type FakeGithub } from "./testing/fake-github.ts";
import type { FakeCheck, FakeRepository } from "./testing/fake-repository.ts";
import { createProviderFor } from "./testing/github-workbench.ts";

const never = new AbortController().signal;
let fake: FakeGithub;
let provider: Required<ScmProvider>;
let count = 0;

beforeAll(async () => {
  fake = await startFakeGithub();
});
beforeEach(() => {
  fake.reset();
  provider = withLanding("automatic");
});
afterAll(async () => {
  await fake.close();
});

function withLanding(land: string): Required<ScmProvider> {
  return createProviderFor(fake, { organization: "acme", land }) as Required<ScmProvider>;
}

interface Site {
  readonly repository: FakeRepository;
  readonly ref: RepoRef;
  readonly root: string;
  readonly sha: string;
}

/** `uat` has one commit that `master` lacks. */
async function create(): Promise<Site> {
  count += 1;
  const name = `service-${count}`;
  const repository = await fake.create(`acme/${name}`);
  const root = await repository.commit("master", { title: "begin", files: { "a.txt": "one\n" } });
  await repository.move("uat", root);
  const sha = await repository.commit("uat", { title: "feat: a", files: { "b.txt": "b\n" } });
  return { repository, root, sha, ref: { provider: "github:0", name, locator: `acme/${name}` } };
}

/** What both ways tell: alone, and along with a comparison. They must agree. */
async function details({ ref }: Site) {
  for await (const result of provider.compareMany(
    [{ repository: ref, base: "master", head: "uat" }],
    never,
  )) {
    if (result.ok) {
      return { ...result.details, sha: result.comparison.headSha };
    }
  }
  throw new Error("not compared");
}

describe("pull requests", () => {
  async function find(site: Site) {
    const alone = await provider.pullRequest(site.ref, "master", "uat", never);
    expect((await details(site)).pullRequest).toEqual(alone);
    return alone;
  }

  it("are none, the open one, or the one merged last", async () => {
    const site = await create();
    const { repository } = site;
    expect(await find(site)).toBeNull();
    const first = await repository.openPull({ base: "master", head: "uat", title: "First" });
    expect(await find(site)).toMatchObject({ number: 1, state: "open", title: "First" });
    await repository.merge(first);
    expect(await find(site)).toMatchObject({ number: 1, state: "merged" });
    await repository.commit("uat", { title: "feat: b", files: { c: "c\n" } });
    const second = await repository.openPull({ base: "master", head: "uat", title: "Second" });
    expect(await find(site)).toMatchObject({ number: 2, state: "open" });
    await repository.merge(second);
    expect(await find(site)).toMatchObject({ number: 2, state: "merged" });
  });

  it("are those of exactly the two branches of the repository itself", async () => {
    const site = await create();
    for (let number = 0; number < 12; number += 1) {
      await site.repository.openPull({ base: "master", head: "uat", fork: `somebody-${number}/x` });
    }
    await site.repository.openPull({ base: "master", head: "uat-2" });
    await site.repository.openPull({ base: "develop", head: "uat" });
    expect(await provider.pullRequest(site.ref, "master", "uat", never)).toBeNull();
    // So many forks that the batched answer cannot tell: it says nothing rather than "none".
    expect(await details(site)).not.toHaveProperty("pullRequest");
  });

  it("closed without a merge do not count", async () => {
    const site = await create();
    const pull = await site.repository.openPull({ base: "master", head: "uat" });
    pull.state = "closed";
    expect(await find(site)).toBeNull();
  });

  const request = { base: "master", head: "uat", title: "Release 12", body: "Signed." };

  it("are opened once, however often it is asked for", async () => {
    const site = await create();
    const opened = await provider.openPullRequest(site.ref, request, never);
    expect(opened).toMatchObject({ number: 1, state: "open", title: "Release 12" });
    expect(await provider.openPullRequest(site.ref, request, never)).toEqual(opened);
    expect(site.repository.pulls).toHaveLength(1);
    expect(site.repository.pulls[0]?.body).toBe("Signed.");
  });

  it("are opened once also when the answer was lost", async () => {
    const site = await create();
    fake.fail({ fault: "reset after", method: "POST", path: /pulls$/, times: 1 });
    await expect(provider.openPullRequest(site.ref, request, never)).rejects.toThrow(
      /cannot be reached/,
    );
    expect(await provider.openPullRequest(site.ref, request, never)).toMatchObject({ number: 1 });
    expect(site.repository.pulls).toHaveLength(1);
  });

  it("are refused with a reason when there is nothing in them", async () => {
    const site = await create();
    await site.repository.move("uat", site.root);
    await expect(provider.openPullRequest(site.ref, request, never)).rejects.toThrow(
      /has no commits that "master" lacks/,
    );
    await expect(
      provider.openPullRequest(site.ref, { ...request, head: "nope" }, never),
    ).rejects.toThrow(/no branch "nope"/);
  });
});

describe("checks", () => {
  const run = (conclusion: string | null, name = "build"): FakeCheck => ({
    name,
    status: conclusion === null ? "IN_PROGRESS" : "COMPLETED",
    conclusion,
    url: "https://ci.example.com/1",
  });

  it.each<readonly [string, readonly FakeCheck[], readonly string[], Partial<CiState>]>([
    ["none", [], [], { state: "none", url: null }],
    ["green", [run("SUCCESS")], [], { state: "success", summary: "1 check passed" }],
    [
      "neutral and skipped pass",
      [run("NEUTRAL"), run("SKIPPED", "docs")],
      [],
      { state: "success" },
    ],
    [
      "red",
      [run("SUCCESS"), run("FAILURE", "lint")],
      [],
      { state: "failure", summary: "failed: lint", url: "https://ci.example.com/1" },
    ],
    ["cancelled is not green", [run("CANCELLED")], [], { state: "failure" }],
    ["timed out", [run("TIMED_OUT")], [], { state: "failure" }],
    ["stale is not green", [run("STALE")], [], { state: "failure" }],
    ["a conclusion nobody knows yet is not green", [run("NEW_ONE")], [], { state: "failure" }],
    [
      "running",
      [run("SUCCESS"), run(null, "e2e")],
      [],
      { state: "pending", summary: "waiting for e2e" },
    ],
    ["red counts more than running", [run(null), run("FAILURE", "lint")], [], { state: "failure" }],
    [
      "a status beside green checks",
      [run("SUCCESS")],
      ["failure"],
      { state: "failure", summary: "failed: ci/old" },
    ],
    ["only a status", [], ["success"], { state: "success" }],
    ["a status that waits", [run("SUCCESS")], ["pending"], { state: "pending" }],
    ["the newest status of its name", [], ["failure", "success"], { state: "success" }],
    [
      "many",
      Array.from({ length: 130 }, (_, index) => run("SUCCESS", `check ${index}`)),
      [],
      { state: "success", summary: "130 checks passed" },
    ],
    [
      "a red one among many that were not read",
      Array.from({ length: 130 }, (_, index) =>
        run(index === 120 ? "FAILURE" : "SUCCESS", `check ${index}`),
      ),
      [],
      { state: "failure", summary: "one of 130 checks failed" },
    ],
  ])("%s", async (_what, checks, statuses, expected) => {
    const site = await create();
    site.repository.checks.set(site.sha, [...checks]);
    site.repository.statuses.set(
      site.sha,
      statuses.map((state) => ({ context: "ci/old", state, description: null, targetUrl: null })),
    );
    const state = await provider.ciState(site.ref, site.sha, never);
    expect(state).toMatchObject(expected);
    expect((await details(site)).ci).toEqual(state);
  });

  it("of a commit that is gone cannot be told", async () => {
    const site = await create();
    await expect(provider.ciState(site.ref, "0123456789".repeat(4), never)).rejects.toThrow(
      /no commit/,
    );
  });
});

describe("landing on a protected branch", () => {
  const rule = {
    update: "Repository rule violations found\n\nChanges must be made through a pull request.\n\n",
  };

  it("merges the pull request of exactly the signed commit", async () => {
    const site = await create();
    site.repository.rules.set("master", rule);
    await site.repository.openPull({ base: "master", head: "uat" });
    const landed = await provider.land(site.ref, "master", site.sha, never);
    expect(landed).toEqual({ outcome: "landed", sha: await site.repository.tip("master") });
    const [signed, merged] = await Promise.all(
      [site.sha, "master"].map((ref) =>
        git(site.repository.directory, ["rev-parse", `${ref}^{tree}`]),
      ),
    );
    expect(merged).toBe(signed);
    const [pull] = site.repository.pulls;
    expect(pull?.mergedAt).not.toBeNull();
    expect(await provider.land(site.ref, "master", site.sha, never)).toEqual({
      ...landed,
      outcome: "already_there",
    });
  });

  it("merges the next one too, although base then has a merge commit of its own", async () => {
    const site = await create();
    site.repository.rules.set("master", rule);
    await site.repository.openPull({ base: "master", head: "uat" });
    await provider.land(site.ref, "master", site.sha, never);
    const next = await site.repository.commit("uat", { title: "feat: c", files: { c: "c\n" } });
    await site.repository.openPull({ base: "master", head: "uat" });
    expect(await provider.land(site.ref, "master", next, never)).toMatchObject({
      outcome: "landed",
    });
  });

  it("merges nothing when base has content of its own, because that is not what was signed", async () => {
    const site = await create();
    site.repository.rules.set("master", rule);
    await site.repository.openPull({ base: "master", head: "uat" });
    const branchSha = await site.repository.commit("master", {
      title: "fix: hot",
      files: { hot: "1\n" },
    });
    expect(await provider.land(site.ref, "master", site.sha, never)).toEqual({
      outcome: "diverged",
      branchSha,
    });
    expect(await site.repository.tip("master")).toBe(branchSha);
  });

  it.each([
    ["without a pull request", undefined, /must be made through a pull request/],
    [
      "that wants a review",
      "At least 1 approving review is required by reviewers with write access.",
      /approving review/,
    ],
    [
      "that waits for checks",
      'Required status check "build" is expected.',
      /Required status check/,
    ],
    ["with a merge queue", "Changes must be made through the merge queue", /merge queue/],
  ])("%s is refused with GitHub's reason", async (_what, merge, reason) => {
    const site = await create();
    site.repository.rules.set("master", { ...rule, ...(merge === undefined ? {} : { merge }) });
    if (merge !== undefined) {
      await site.repository.openPull({ base: "master", head: "uat" });
    }
    const landed = await provider.land(site.ref, "master", site.sha, never);
    expect(landed).toMatchObject({
      outcome: "refused",
      reason: expect.stringMatching(reason) as string,
      remedy: expect.stringMatching(/\.$/) as string,
    });
    expect(await site.repository.tip("master")).toBe(site.root);
  });

  it("is refused when the pull request went on, and nothing of that is merged", async () => {
    const site = await create();
    site.repository.rules.set("master", rule);
    await site.repository.openPull({ base: "master", head: "uat" });
    await site.repository.commit("uat", { title: "feat: late", files: { late: "1\n" } });
    expect(await provider.land(site.ref, "master", site.sha, never)).toMatchObject({
      outcome: "refused",
    });
    expect(await site.repository.tip("master")).toBe(site.root);
  });

  it("is refused where merge commits are not allowed, or the repository is archived", async () => {
    const site = await create();
    site.repository.rules.set("master", rule);
    site.repository.allowsMergeCommits = false;
    await site.repository.openPull({ base: "master", head: "uat" });
    expect(await provider.land(site.ref, "master", site.sha, never)).toMatchObject({
      outcome: "refused",
      reason: expect.stringContaining("Merge commits are not allowed") as string,
    });
    site.repository.isArchived = true;
    expect(
      await withLanding("fast-forward").land(site.ref, "master", site.sha, never),
    ).toMatchObject({
      outcome: "refused",
      reason: expect.stringContaining("archived") as string,
    });
  });

  it("says so when something else came out", async () => {
    const site = await create();
    await site.repository.openPull({ base: "master", head: "uat" });
    // Somebody pushes to base in the moment between our look and the merge.
    const merged = await site.repository.commit("master", {
      title: "fix: hot",
      files: { hot: "1\n" },
    });
    await site.repository.move("master", site.root);
    fake.fail({
      fault: { status: 200, body: JSON.stringify({ sha: merged, merged: true }) },
      method: "PUT",
      path: /merge$/,
    });
    expect(await withLanding("merge").land(site.ref, "master", site.sha, never)).toEqual({
      outcome: "differs",
      sha: merged,
    });
  });

  it("finds after a crash that it was merged, and merges nothing twice", async () => {
    const site = await create();
    site.repository.rules.set("master", rule);
    await site.repository.openPull({ base: "master", head: "uat" });
    fake.fail({ fault: "reset after", method: "PUT", path: /merge$/, times: 1 });
    await expect(provider.land(site.ref, "master", site.sha, never)).rejects.toThrow();
    const tip = await site.repository.tip("master");
    expect(tip).not.toBe(site.root);
    await site.repository.commit("master", { title: "fix: later", files: { later: "1\n" } });
    expect(await provider.land(site.ref, "master", site.sha, never)).toEqual({
      outcome: "already_there",
      sha: tip,
    });
  });

  it("merges only when asked to, and moves forward only when asked to", async () => {
    const site = await create();
    await site.repository.openPull({ base: "master", head: "uat" });
    const merged = await withLanding("merge").land(site.ref, "master", site.sha, never);
    expect(merged).toMatchObject({ outcome: "landed" });
    expect(merged).not.toMatchObject({ sha: site.sha });

    const other = await create();
    other.repository.rules.set("master", rule);
    await other.repository.openPull({ base: "master", head: "uat" });
    expect(
      await withLanding("fast-forward").land(other.ref, "master", other.sha, never),
    ).toMatchObject({ outcome: "refused" });
    expect(await other.repository.tip("master")).toBe(other.root);
  });

  it("fails, and does not count as refused, when the token may not write or the answer was lost", async () => {
    const site = await create();
    fake.fail({ fault: { status: 500 }, method: "PATCH", path: /refs/, times: 1 });
    await expect(provider.land(site.ref, "master", site.sha, never)).rejects.toThrow(/in trouble/);
    fake.fail({ fault: "reset after", method: "PATCH", path: /refs/, times: 1 });
    await expect(provider.land(site.ref, "master", site.sha, never)).rejects.toThrow();
    expect(await provider.land(site.ref, "master", site.sha, never)).toEqual({
      outcome: "already_there",
      sha: site.sha,
    });
  });
});

describe("commit statuses", () => {
  const status = {
    context: "slipway/prod",
    state: "success" as const,
    description: "Signed by dev and qa.",
    url: "https://releases.example.com/releases/12",
  };

  it("are shown, and saying the same again changes nothing", async () => {
    const { repository, ref, sha } = await create();
    await provider.reportStatus(ref, sha, status, never);
    await provider.reportStatus(ref, sha, status, never);
    expect(repository.statuses.get(sha)).toEqual([
      {
        context: "slipway/prod",
        state: "success",
        description: "Signed by dev and qa.",
        targetUrl: "https://releases.example.com/releases/12",
      },
    ]);
    await provider.reportStatus(ref, sha, { ...status, state: "failure", url: null }, never);
    expect(repository.statuses.get(sha)).toHaveLength(2);
  });

  it("are cut to what GitHub takes", async () => {
    const { repository, ref, sha } = await create();
    await provider.reportStatus(ref, sha, { ...status, description: "x".repeat(500) }, never);
    await provider.reportStatus(ref, sha, { ...status, description: "x".repeat(500) }, never);
    expect(repository.statuses.get(sha)).toHaveLength(1);
    expect(repository.statuses.get(sha)?.[0]?.description).toHaveLength(140);
  });

  it("of a commit that was forced away are refused with the reason", async () => {
    const { ref } = await create();
    await expect(provider.reportStatus(ref, "0123456789".repeat(4), status, never)).rejects.toThrow(
      /no commit 012345678901/,
    );
  });
});

describe("deployments", () => {
  function reportOf({ sha }: Site, changes: Partial<DeploymentReport> = {}): DeploymentReport {
    return {
      deployment: 7,
      environment: "prod",
      sha,
      state: "in_progress",
      description: "Wave 1 of 2",
      url: "https://releases.example.com/deployments/7",
      ...changes,
    };
  }

  it("are recorded once and moved on, and saying the same again changes nothing", async () => {
    const site = await create();
    for (const state of ["queued", "in_progress", "in_progress", "success", "success"] as const) {
      await provider.reportDeployment(site.ref, reportOf(site, { state }), never);
    }
    expect(site.repository.deployments).toHaveLength(1);
    expect(site.repository.deployments[0]).toMatchObject({
      sha: site.sha,
      environment: "prod",
      payload: { slipway: { deployment: 7 } },
      requiredContexts: [],
    });
    expect(site.repository.deployments[0]?.statuses.map(({ state }) => state)).toEqual([
      "queued",
      "in_progress",
      "success",
    ]);
  });

  it("are recorded once also when the answer was lost", async () => {
    const site = await create();
    fake.fail({ fault: "reset after", method: "POST", path: /deployments$/, times: 1 });
    await expect(provider.reportDeployment(site.ref, reportOf(site), never)).rejects.toThrow();
    await provider.reportDeployment(site.ref, reportOf(site), never);
    expect(site.repository.deployments).toHaveLength(1);
    expect(site.repository.deployments[0]?.statuses).toHaveLength(1);
  });

  it("make older ones of ours inactive once they are live, and no others", async () => {
    const site = await create();
    const state = (number: number) => site.repository.deployments[number]?.statuses.at(-1)?.state;
    await provider.reportDeployment(
      site.ref,
      reportOf(site, { deployment: 5, state: "success" }),
      never,
    );
    await provider.reportDeployment(
      site.ref,
      reportOf(site, { deployment: 6, environment: "preprod", state: "success" }),
      never,
    );
    site.repository.deployments.push({
      id: 9000,
      sha: site.sha,
      environment: "prod",
      description: "",
      payload: "",
      requiredContexts: [],
      statuses: [{ state: "success", description: "", logUrl: "" }],
    });
    await provider.reportDeployment(site.ref, reportOf(site, { state: "in_progress" }), never);
    expect(state(0)).toBe("success");
    await provider.reportDeployment(site.ref, reportOf(site, { state: "success" }), never);
    expect([0, 1, 2, 3].map(state)).toEqual(["inactive", "success", "success", "success"]);
    fake.forgetRequests();
    await provider.reportDeployment(site.ref, reportOf(site, { state: "success" }), never);
    expect(fake.requests).toHaveLength(1);
  });

  it("of a commit that was forced away are refused with the reason", async () => {
    const site = await create();
    await expect(
      provider.reportDeployment(site.ref, reportOf(site, { sha: "0123456789".repeat(4) }), never),
    ).rejects.toThrow(/no commit 012345678901/);
  });
});

describe("reading a file", () => {
  const limit = { maxBytes: 5_000_000 };

  it("gives exactly its bytes at exactly that commit, also when it is larger than GitHub's first answer", async () => {
    const { repository, ref } = await create();
    const large = "größer ".repeat(250_000);
    const files = { "deploy/stack #1.yml": "services: {}\n", "empty.txt": "", large };
    const sha = await repository.commit("uat", { title: "feat: files", files });
    await repository.commit("uat", { title: "feat: later", files: { "empty.txt": "x" } });
    for (const [path, content] of Object.entries(files)) {
      const bytes = await provider.readFile(ref, { sha, path, ...limit }, never);
      expect(Buffer.from(bytes ?? []).toString("utf8")).toBe(content);
    }
  });

  it("follows no link, and takes no folder or submodule for a file", async () => {
    const { repository, ref, sha: root } = await create();
    const stream = [
      "commit refs/heads/links",
      "mark :1",
      "committer Somebody <somebody@example.com> 1760000000 +0000",
      "data 5\nlinks",
      `from ${root}`,
      "M 120000 inline link.txt",
      "data 5\na.txt",
      "M 100644 inline dir/a",
      "data 1\na",
      "M 120000 inline up",
      "data 3\ndir",
      `M 160000 ${root} module`,
      "",
      "get-mark :1",
      "",
    ];
    const sha = await git(repository.directory, ["fast-import", "--quiet"], stream.join("\n"));
    const read = (path: string) =>
      provider.readFile(ref, { sha: sha.trim(), path, ...limit }, never);
    await expect(read("link.txt")).rejects.toThrow("a symbolic link");
    await expect(read("module")).rejects.toThrow("a submodule");
    await expect(read("dir")).rejects.toThrow("a folder");
    expect(await read("up/a")).toBeNull();
  });

  it("does not call a repository that cannot be seen a missing file", async () => {
    const { repository, ref, sha } = await create();
    repository.isHidden = true;
    await expect(provider.readFile(ref, { sha, path: "a.txt", ...limit }, never)).rejects.toThrow(
      /has no acme/,
    );
  });
});

describe("repositories that are not configured any more", () => {
  it("are not touched", async () => {
    const { repository, sha } = await create();
    const foreign = {
      provider: "github:0",
      name: "x",
      locator: repository.fullName.replace("acme/", "other/"),
    };
    fake.forgetRequests();
    await expect(provider.land(foreign, "master", sha, never)).rejects.toThrow(
      /not configured any more/,
    );
    expect(await provider.resolveMany([{ repository: foreign, ref: "uat" }], never)).toMatchObject([
      { ok: false, failure: { code: "repository_missing" } },
    ]);
    expect(fake.requests).toEqual([]);
  });
});
