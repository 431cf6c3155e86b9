import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CompareResult, RepoRef, ScmProvider } from "../../../core/ports/scm.ts";
import { UpstreamRejected } from "../../../errors/catalog.ts";
import { git } from "../git/testing/git-workbench.ts";
import { startFakeGithub, type FakeGithub } from "./testing/fake-github.ts";
import type { FakeRepository } from "./testing/fake-repository.ts";
import { createProviderFor } from "./testing/github-workbench.ts";

const never = new AbortController().signal;
let fake: FakeGithub;
let count = 0;

beforeAll(async () => {
  fake = await startFakeGithub({ treeLimit: 1000 });
});
beforeEach(() => {
  fake.reset();
});
afterAll(async () => {
  await fake.close();
});

async function create(files: Readonly<Record<string, string>> = { "a.txt": "one\n" }) {
  count += 1;
  const repository = await fake.create(`acme/service-${count}`);
  const root = await repository.commit("master", { title: "begin", files });
  await repository.move("uat", root);
  return { repository, root, ref: refOf(repository) };
}

function refOf({ name, fullName }: FakeRepository): RepoRef {
  return { provider: "github:0", name, locator: fullName };
}

async function compare(
  ref: RepoRef,
  base = "master",
  head = "uat",
  provider = createProviderFor(fake),
) {
  const results: CompareResult[] = [];
  for await (const result of provider.compareMany([{ repository: ref, base, head }], never)) {
    results.push(result);
  }
  const [result] = results;
  if (result?.ok !== true) {
    throw new Error(result?.failure.reason ?? "no answer");
  }
  return result;
}

/** Adds many commits in one go. */
async function addCommits(
  repository: FakeRepository,
  branch: string,
  from: string,
  number: number,
) {
  const stream = Array.from({ length: number }, (_, index) =>
    [
      `commit refs/heads/${branch}`,
      `committer Ana <ana@example.com> ${1_770_000_000 + index} +0000`,
      `data <<END\ncommit ${index + 1}\nEND`,
      ...(index === 0 ? [`from ${from}`] : []),
      `M 100644 inline n.txt`,
      `data <<END\n${index}\nEND`,
      "",
    ].join("\n"),
  ).join("\n");
  await git(repository.directory, ["fast-import", "--quiet", "--force"], stream);
}

function manyFiles(number: number, text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Array.from({ length: number }, (_, index) => [`dir/file-${index}.txt`, `${text} ${index}\n`]),
  );
}

describe("comparing much", () => {
  it("gives all commits, newest first, where GitHub's one answer has 250", async () => {
    const { repository, root, ref } = await create();
    await addCommits(repository, "uat", root, 312);
    const { comparison } = await compare(ref);
    expect(comparison).toMatchObject({ commitCount: 312, truncated: false });
    expect(comparison.commits.map(({ title }) => title)).toEqual(
      Array.from({ length: 312 }, (_, index) => `commit ${312 - index}`),
    );
    expect(fake.requests.filter(({ path }) => path.includes("/compare/"))).toHaveLength(4);
  });

  it("gives the newest and the true number where there are more than anybody reads", async () => {
    const { repository, root, ref } = await create();
    await addCommits(repository, "uat", root, 2620);
    const { comparison } = await compare(ref);
    expect(comparison).toMatchObject({ commitCount: 2620, truncated: true });
    expect(comparison.commits[0]?.title).toBe("commit 2620");
    expect(comparison.commits).toHaveLength(2420);
  });

  it("counts every file, where GitHub shows 300", async () => {
    const { repository, ref } = await create({ "old.txt": "moved\n" });
    await repository.commit("uat", {
      title: "feat: much",
      files: { ...manyFiles(420, "x"), "old.txt": null, "new.txt": "moved\n" },
    });
    const { comparison, details } = await compare(ref);
    expect(comparison).toMatchObject({ fileCount: 421, truncated: false });
    expect(comparison.files).toHaveLength(421);
    expect(comparison.files).toContainEqual({ path: "new.txt", change: "renamed" });
    expect(details?.patchIdentity).toMatch(/^github-tree-1:/);
  });

  it("says that it does not know all files where GitHub shows neither all files nor all of a tree", async () => {
    const { repository, ref } = await create(manyFiles(1100, "old"));
    await repository.commit("uat", { title: "feat: all", files: manyFiles(1100, "new") });
    const provider = createProviderFor(fake);
    const { comparison, details } = await compare(ref, "master", "uat", provider);
    expect(comparison.truncated).toBe(true);
    expect(comparison.fileCount).toBeGreaterThan(comparison.files.length);
    expect(details).not.toHaveProperty("patchIdentity");
    await expect(provider.patchIdentity(ref, "master", "uat", never)).rejects.toThrow(
      /cannot be told from others/,
    );
  });
});

describe("names", () => {
  it("are encoded where they are part of an address, and only there", async () => {
    const { repository, root, ref } = await create();
    const branch = "feature/50%-off#1+more&x=é";
    const sha = await repository.commit(branch, {
      title: "feat: a",
      files: { b: "b\n" },
      parents: [root],
    });
    const provider = createProviderFor(fake);
    const { comparison } = await compare(ref, "master", branch, provider);
    expect(comparison.headSha).toBe(sha);
    expect(comparison.url).toBe(
      `${new URL(fake.url).origin}/acme/${ref.name}/compare/master...feature/50%25-off%231%2Bmore%26x%3D%C3%A9`,
    );
    expect(await provider.listBranches(ref, { prefix: "feature/50%", limit: 5 }, never)).toEqual([
      { name: branch, sha },
    ]);
    await repository.move("release/1#2%", root);
    expect(await provider.land(ref, "release/1#2%", sha, never)).toMatchObject({
      outcome: "landed",
    });
  });

  it("may be tags, annotated ones too, and a branch of the same name counts more", async () => {
    const { repository, root, ref } = await create();
    const sha = await repository.commit("uat", { title: "feat: a", files: { b: "b\n" } });
    const { directory } = repository;
    await git(directory, ["tag", "-a", "-m", "one", "v1", root]);
    await git(directory, ["tag", "-a", "-m", "two", "v1-again", "v1"]);
    await git(directory, ["tag", "uat", root]);
    expect((await compare(ref, "v1-again", "uat")).comparison).toMatchObject({
      baseSha: root,
      headSha: sha,
      commitCount: 1,
    });
  });
});

describe("renamed repositories", () => {
  it("are followed by every kind of request", async () => {
    const { repository, ref } = await create();
    const sha = await repository.commit("uat", { title: "feat: a", files: { b: "b\n" } });
    fake.rename(repository, `acme/renamed-${count}`);
    const provider = createProviderFor(fake);
    expect((await compare(ref, "master", "uat", provider)).comparison.commitCount).toBe(1);
    expect(await provider.listBranches(ref, { prefix: "uat", limit: 1 }, never)).toHaveLength(1);
    await provider.reportStatus?.(
      ref,
      sha,
      { context: "slipway", state: "success", description: "signed", url: null },
      never,
    );
    expect(repository.statuses.get(sha)).toHaveLength(1);
    expect(await provider.land(ref, "master", sha, never)).toEqual({ outcome: "landed", sha });
    expect(await repository.tip("master")).toBe(sha);
  });
});

describe("identity of a change", () => {
  const lines = (changed: string) =>
    Array.from({ length: 60 }, (_, index) => (index === 30 ? changed : `line ${index}`)).join("\n");

  async function identityOf(ref: RepoRef, head = "uat") {
    return createProviderFor(fake).patchIdentity(ref, "master", head, never);
  }

  it("tells a change of mode, alone and with other changes", async () => {
    const { repository, root, ref } = await create({ "run.sh": "one\n" });
    const identities = new Set<string>();
    for (const [mode, text] of [
      ["100755", "one"],
      ["100644", "two"],
      ["100755", "two"],
    ] as const) {
      const oid = await git(repository.directory, ["hash-object", "-w", "--stdin"], `${text}\n`);
      const tree = await git(repository.directory, ["mktree"], `${mode} blob ${oid}\trun.sh\n`);
      const sha = await git(repository.directory, ["commit-tree", tree, "-p", root, "-m", "x"]);
      await repository.move("uat", sha);
      identities.add(await identityOf(ref));
    }
    expect(identities.size).toBe(3);
  });

  it("is not fooled by a patch that GitHub cut", async () => {
    const { repository, root, ref } = await create({ "a.txt": "" });
    fake.settings.cutPatchesAfter = 20;
    try {
      const identities = new Set<string>();
      for (const last of ["same", "other"]) {
        const text = [...Array.from({ length: 50 }, (_, index) => `line ${index}`), last].join(
          "\n",
        );
        await repository.commit("uat", { title: "x", files: { "a.txt": text }, parents: [root] });
        identities.add(await identityOf(ref));
      }
      expect(identities.size).toBe(2);
    } finally {
      fake.settings.cutPatchesAfter = null;
    }
  });

  it("tells files too large to be shown, and files one of which was left out", async () => {
    const { repository, root, ref } = await create();
    const identities = new Set<string>();
    for (const word of ["one", "two"]) {
      const text = Array.from({ length: 25_000 }, (_, index) => `${word} ${index}`).join("\n");
      await repository.commit("uat", { title: "x", files: { "big.txt": text }, parents: [root] });
      identities.add(await identityOf(ref));
    }
    expect(identities.size).toBe(2);
  });

  it("is told for a moved file that stays the same when base moves on", async () => {
    const { repository, root, ref } = await create({ "a.txt": lines("x") });
    await repository.commit("uat", {
      title: "refactor: move",
      files: { "a.txt": null, "lib/a.txt": lines("changed") },
      parents: [root],
    });
    const before = await identityOf(ref);
    const base = await repository.commit("master", {
      title: "fix: other",
      files: { "b.txt": "b\n" },
    });
    await repository.commit("uat", {
      title: "refactor: move",
      files: { "a.txt": null, "lib/a.txt": lines("changed") },
      parents: [base],
    });
    expect(await identityOf(ref)).toBe(before);
  });

  it("is told for files GitHub says nothing about, and the others need no more requests for it", async () => {
    const [huge, small] = [await create(), await create()];
    const identities = new Set<string | undefined>();
    await small.repository.commit("uat", { title: "x", files: { b: "b\n" } });
    const provider = createProviderFor(fake);
    for (const word of ["one", "two"]) {
      const text = word.padEnd(11 * 1024 * 1024, "x");
      await huge.repository.commit("uat", {
        title: "x",
        files: { "big.bin": `\0${text}` },
        parents: [huge.root],
      });
      fake.forgetRequests();
      for (const pair of [huge, small]) {
        const { details } = await compare(pair.ref, "master", "uat", provider);
        expect(details?.patchIdentity).toMatch(/^github-patch-1:/);
        identities.add(details?.patchIdentity);
      }
      expect(fake.requests.filter(({ path }) => path.includes("/git/trees/"))).toHaveLength(2);
    }
    expect(identities.size).toBe(3);
    await expect(
      (provider as Required<ScmProvider>).readFile(
        huge.ref,
        { sha: (await huge.repository.tip("uat")) ?? "", path: "big.bin", maxBytes: 1_000 },
        never,
      ),
    ).rejects.toThrow(UpstreamRejected);
  });

  it("is left out, and asked for again, when modes cannot be read this time", async () => {
    const { repository, ref } = await create();
    await repository.commit("uat", { title: "feat: a", files: { b: "b\n" } });
    const provider = createProviderFor(fake);
    const stop = fake.fail({ fault: { status: 502 }, path: /graphql/, body: /file\(path/ });
    expect((await compare(ref, "master", "uat", provider)).details).not.toHaveProperty(
      "patchIdentity",
    );
    stop();
    expect((await compare(ref, "master", "uat", provider)).details?.patchIdentity).toMatch(
      /^github-patch-1:/,
    );
  });
});

describe("a base that has moved on", () => {
  it("is told to have changed nothing where it only has merges of what head has", async () => {
    const { repository, root, ref } = await create();
    const head = await repository.commit("uat", { title: "feat: a", files: { b: "b\n" } });
    await repository.commit("master", {
      title: "Merge branch 'uat'",
      files: { b: "b\n" },
      parents: [root, head],
    });
    await repository.commit("uat", { title: "feat: c", files: { c: "c\n" } });
    const merged = await compare(ref);
    expect(merged.comparison).toMatchObject({ commitCount: 1, behindCount: 1 });
    expect(merged.details?.isBaseUnchanged).toBe(true);
    await repository.commit("master", { title: "fix: hot", files: { hot: "1\n" } });
    expect((await compare(ref)).details?.isBaseUnchanged).toBe(false);
  });
});

describe("what is kept", () => {
  it("is a comparison of two commits, so that the next one asks only for the names", async () => {
    const { repository, ref } = await create();
    await repository.commit("uat", { title: "feat: a", files: { b: "b\n" } });
    const provider = createProviderFor(fake);
    const first = await compare(ref, "master", "uat", provider);
    fake.forgetRequests();
    const second = await compare(ref, "master", "uat", provider);
    expect(second).toEqual(first);
    expect(fake.requests.map(({ path }) => path)).toEqual(["/graphql"]);
  });

  it("is no more than that: whoever may not see the repository any more gets nothing", async () => {
    const { repository, ref } = await create();
    await repository.commit("uat", { title: "feat: a", files: { b: "b\n" } });
    const provider = createProviderFor(fake);
    await compare(ref, "master", "uat", provider);
    repository.isHidden = true;
    await expect(compare(ref, "master", "uat", provider)).rejects.toThrow(/has no acme/);
  });
});
