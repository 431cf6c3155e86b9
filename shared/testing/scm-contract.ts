import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AppError } from "../errors/app-error.ts";
import { FilePathInvalid, RefInvalid, UpstreamRejected } from "../errors/catalog.ts";
import type {
  CommitAuthor,
  CompareResult,
  Comparison,
  ProviderFailure,
  RepoRef,
  ScmProvider,
} from "../core/ports/scm.ts";

/** A commit to be made. */
export interface CommitDraft {
  readonly title: string;
  readonly body?: string;
  /** Author first, then co-authors; somebody when left out. */
  readonly authors?: readonly CommitAuthor[];
  /** Whole contents by path; null removes. Everything else is as in the first parent. */
  readonly files?: Readonly<Record<string, string | null>>;
  /** What it grows from: the branch's tip when left out, nothing when empty, two for a merge. */
  readonly parents?: readonly string[];
}

/** A provider and a way to make what it reads. */
export interface ScmWorkbench {
  readonly provider: ScmProvider;
  /** Makes an empty repository. */
  repository(name: string): Promise<RepoRef>;
  /** Makes a commit, points the branch at it, and gives its id. */
  commit(repository: RepoRef, branch: string, commit: CommitDraft): Promise<string>;
  /** Points a branch at a commit, whatever it stood for before. */
  move(repository: RepoRef, branch: string, sha: string): Promise<void>;
  /** Takes the repository away. */
  remove(repository: RepoRef): Promise<void>;
  /** Frees everything the workbench made. */
  close(): Promise<void>;
}

const ana: CommitAuthor = { name: "Ana Müller", email: "ana@example.com" };
const bao: CommitAuthor = { name: "Nguyễn Bảo", email: "bao@example.com" };
const chi: CommitAuthor = { name: "Chi", email: "chi@example.com" };

const HOSTILE_REFS = [
  "",
  "-",
  "--upload-pack=touch /tmp/x",
  "a..b",
  "a...b",
  "uat@{1}",
  "uat~1",
  "uat^",
  "uat:file",
  "a b",
  "a\nb",
  "a\0b",
  "*",
  "a[b]",
  "a\\b",
  "a/",
  "/a",
  "a//b",
  "a.lock",
  "ua\u202et",
  "ua\u200bt",
  "x".repeat(251),
  "x".repeat(5_000_000),
];

/** What every provider of source control must do, whatever is behind it. */
export function scmContract(name: string, setup: () => Promise<ScmWorkbench>): void {
  describe(`${name} keeps the contract of source control`, () => {
    const never = new AbortController().signal;
    let bench: ScmWorkbench;
    let repositories = 0;

    beforeAll(async () => {
      bench = await setup();
    });
    afterAll(async () => {
      await bench.close();
    });

    async function newRepository(): Promise<RepoRef> {
      repositories += 1;
      return bench.repository(`service-${repositories}`);
    }

    /** A repository whose `master` and `uat` both stand for one first commit. */
    async function withBranches(
      files: Readonly<Record<string, string>> = { "README.md": "one\n" },
    ) {
      const repository = await newRepository();
      const root = await bench.commit(repository, "master", { title: "chore: begin", files });
      await bench.move(repository, "uat", root);
      return { repository, root };
    }

    async function compare(repository: RepoRef, base: string, head: string): Promise<Comparison> {
      const [result] = await compareAll([{ repository, base, head }]);
      if (result?.ok !== true) {
        throw new Error(`not compared: ${result?.failure.reason ?? "no answer"}`);
      }
      return result.comparison;
    }

    async function compareAll(pairs: Parameters<ScmProvider["compareMany"]>[0], signal = never) {
      const results: CompareResult[] = [];
      for await (const result of bench.provider.compareMany(pairs, signal)) {
        results.push(result);
      }
      return results;
    }

    async function failureOf(
      repository: RepoRef,
      base: string,
      head: string,
    ): Promise<ProviderFailure> {
      const [result] = await compareAll([{ repository, base, head }]);
      if (result?.ok !== false) {
        throw new Error("it was compared");
      }
      return result.failure;
    }

    function identity(repository: RepoRef, base: string, head: string): Promise<string> {
      return bench.provider.patchIdentity(repository, base, head, never);
    }

    async function tipOf(repository: RepoRef, ref: string): Promise<string | undefined> {
      const [result] = await bench.provider.resolveMany([{ repository, ref }], never);
      return result?.ok === true ? result.sha : undefined;
    }

    describe("listing repositories", () => {
      it("names every repository once, as its own", async () => {
        const repository = await newRepository();
        const listed = await bench.provider.listRepositories(never);
        expect(listed).toContainEqual(repository);
        expect(new Set(listed.map((one) => one.name)).size).toBe(listed.length);
        expect(listed.every((one) => one.provider === bench.provider.id)).toBe(true);
      });

      it("gives an address without credentials, or none", async () => {
        const url = bench.provider.cloneUrl(await newRepository());
        expect(url === null || !/\/\/[^/]*@/.test(url)).toBe(true);
      });
    });

    describe("comparing", () => {
      it("gives commits newest first, with people, message, files and true counts", async () => {
        const { repository, root } = await withBranches({ "README.md": "one\n", "old.txt": "x\n" });
        const first = await bench.commit(repository, "uat", {
          title: "feat(api)!: größere Änderung 🚀",
          body: "Why it was needed.\n\nBREAKING CHANGE: the old way is gone",
          authors: [ana],
          files: { "README.md": "two\n", "src/new file.ts": "export {};\n" },
        });
        const second = await bench.commit(repository, "uat", {
          title: "fix: forget the old file",
          authors: [bao, ana, chi, ana],
          files: { "old.txt": null },
        });
        const comparison = await compare(repository, "master", "uat");

        expect(comparison).toMatchObject({
          repository,
          baseSha: root,
          headSha: second,
          mergeBaseSha: root,
          commitCount: 2,
          behindCount: 0,
          fileCount: 3,
          truncated: false,
        });
        expect(comparison.commits.map((commit) => commit.sha)).toEqual([second, first]);
        expect(comparison.commits[0]).toMatchObject({
          title: "fix: forget the old file",
          authors: [bao, ana, chi],
        });
        expect(comparison.commits[1]).toMatchObject({
          title: "feat(api)!: größere Änderung 🚀",
          body: "Why it was needed.\n\nBREAKING CHANGE: the old way is gone",
          authors: [ana],
        });
        expect(comparison.commits.every((commit) => commit.authoredAt.getTime() > 0)).toBe(true);
        expect(byPath(comparison.files)).toEqual([
          { path: "README.md", change: "modified" },
          { path: "old.txt", change: "removed" },
          { path: "src/new file.ts", change: "added" },
        ]);
      });

      it("knows a moved file from a new one", async () => {
        const { repository } = await withBranches({ "a.txt": "one\ntwo\nthree\nfour\n" });
        await bench.commit(repository, "uat", {
          title: "refactor: move",
          files: { "a.txt": null, "lib/b.txt": "one\ntwo\nthree\nfour\n" },
        });
        const { files } = await compare(repository, "master", "uat");
        expect(files).toEqual([{ path: "lib/b.txt", change: "renamed" }]);
      });

      it("finds nothing between a branch and itself", async () => {
        const { repository, root } = await withBranches();
        expect(await compare(repository, "master", "uat")).toMatchObject({
          baseSha: root,
          headSha: root,
          mergeBaseSha: root,
          commits: [],
          commitCount: 0,
          behindCount: 0,
          files: [],
          fileCount: 0,
          truncated: false,
        });
      });

      it("counts what base has that head lacks, and leaves it out of the files", async () => {
        const { repository, root } = await withBranches();
        await bench.commit(repository, "uat", { title: "feat: a", files: { a: "a\n" } });
        await bench.commit(repository, "master", { title: "fix: hot", files: { hot: "1\n" } });
        await bench.commit(repository, "master", { title: "fix: hotter", files: { hot: "2\n" } });
        expect(await compare(repository, "master", "uat")).toMatchObject({
          mergeBaseSha: root,
          commitCount: 1,
          behindCount: 2,
          files: [{ path: "a", change: "added" }],
        });
        expect(await compare(repository, root, "master")).toMatchObject({
          commitCount: 2,
          behindCount: 0,
        });
      });

      it("says when head has nothing new but base has moved on", async () => {
        const { repository, root } = await withBranches();
        await bench.commit(repository, "master", { title: "fix: hot", files: { hot: "1\n" } });
        expect(await compare(repository, "master", "uat")).toMatchObject({
          mergeBaseSha: root,
          commitCount: 0,
          behindCount: 1,
          files: [],
        });
      });

      it("counts the commits a merge brought", async () => {
        const { repository } = await withBranches();
        const ours = await bench.commit(repository, "uat", {
          title: "feat: a",
          files: { a: "a\n" },
        });
        const theirs = await bench.commit(repository, "topic", {
          title: "feat: b",
          files: { b: "b\n" },
          parents: [(await tipOf(repository, "master")) ?? ""],
        });
        await bench.commit(repository, "uat", {
          title: "Merge branch 'topic' into uat",
          files: { b: "b\n" },
          parents: [ours, theirs],
        });
        const comparison = await compare(repository, "master", "uat");
        expect(comparison.commitCount).toBe(3);
        expect(comparison.commits).toHaveLength(3);
        expect(comparison.fileCount).toBe(2);
      });

      it("gives no common commit for unrelated histories", async () => {
        const { repository } = await withBranches();
        await bench.commit(repository, "other", {
          title: "begin anew",
          files: { other: "o\n" },
          parents: [],
        });
        expect(await compare(repository, "master", "other")).toMatchObject({
          mergeBaseSha: null,
          commitCount: 1,
          behindCount: 1,
        });
      });

      it("takes full commit ids as well as names", async () => {
        const { repository, root } = await withBranches();
        const head = await bench.commit(repository, "uat", {
          title: "feat: a",
          files: { a: "a\n" },
        });
        expect(await compare(repository, root, head)).toMatchObject({
          baseSha: root,
          headSha: head,
          commitCount: 1,
        });
      });

      it.each(['feature/it\'s-"quoted"', "$(touch-x)", "a;b|c", "größe/日本"])(
        "compares a branch called %j",
        async (branch) => {
          const { repository, root } = await withBranches();
          const sha = await bench.commit(repository, branch, {
            title: "feat: a",
            files: { a: "a\n" },
            parents: [root],
          });
          expect(await compare(repository, "master", branch)).toMatchObject({
            headSha: sha,
            commitCount: 1,
          });
        },
      );

      it("follows a branch that was forced to another history", async () => {
        const { repository, root } = await withBranches();
        await bench.commit(repository, "uat", { title: "feat: gone", files: { gone: "1\n" } });
        expect((await compare(repository, "master", "uat")).commitCount).toBe(1);
        const forced = await bench.commit(repository, "uat", {
          title: "feat: instead",
          files: { instead: "1\n" },
          parents: [root],
        });
        const comparison = await compare(repository, "master", "uat");
        expect(comparison.headSha).toBe(forced);
        expect(comparison.commits.map((commit) => commit.title)).toEqual(["feat: instead"]);
      });

      it("makes titles, bodies and names safe and short", async () => {
        const { repository } = await withBranches();
        await bench.commit(repository, "uat", {
          title: `feat: \u202egpj.exe\u200b ${"x".repeat(2000)}`,
          body: "y".repeat(30_000),
          authors: [{ name: "An\u202ea", email: "ana@example.com" }],
          files: { a: "a\n" },
        });
        const [commit] = (await compare(repository, "master", "uat")).commits;
        expect(commit?.title).toMatch(/^feat: gpj\.exe x/);
        expect(commit?.title.length).toBeLessThanOrEqual(500);
        expect(commit?.body.length).toBeLessThanOrEqual(10_000);
        expect(commit?.authors).toEqual([ana].map(({ email }) => ({ name: "Ana", email })));
      });

      it("compares many at once, and one bad repository fails none of the others", async () => {
        const good = await withBranches();
        await bench.commit(good.repository, "uat", { title: "feat: a", files: { a: "a\n" } });
        const alone = await newRepository();
        await bench.commit(alone, "master", { title: "begin", files: { a: "a\n" } });
        const empty = await newRepository();
        const gone = await newRepository();
        await bench.remove(gone);

        const pairs = [gone, empty, alone, good.repository].map((repository) => ({
          repository,
          base: "master",
          head: "uat",
        }));
        const results = await compareAll([
          ...pairs,
          { repository: good.repository, base: "uat", head: "uat" },
        ]);

        expect(results).toHaveLength(5);
        const codes = new Map(
          results.map((result) => [result.repository.name, result.ok ? "ok" : result.failure.code]),
        );
        expect(Object.fromEntries(codes)).toEqual({
          [good.repository.name]: "ok",
          [alone.name]: "branch_missing",
          [empty.name]: "repository_empty",
          [gone.name]: "repository_missing",
        });
      });

      it("says why a repository could not be compared, and what to do", async () => {
        const { repository } = await withBranches();
        const failure = await failureOf(repository, "master", "no-such-branch");
        expect(failure.reason).toContain("no-such-branch");
        expect(failure.remedy).not.toBe("");
      });

      it("knows a commit that is not there from one that is", async () => {
        const { repository } = await withBranches();
        expect((await failureOf(repository, "master", "0123456789".repeat(4))).code).toBe(
          "branch_missing",
        );
      });

      it("gives nothing for nothing", async () => {
        expect(await compareAll([])).toEqual([]);
      });

      it("stops when told to", async () => {
        const { repository } = await withBranches();
        const reason = new Error("stopped by the person");
        await expect(
          compareAll([{ repository, base: "master", head: "uat" }], AbortSignal.abort(reason)),
        ).rejects.toBe(reason);
      });

      it("can be left in the middle", async () => {
        const { repository } = await withBranches();
        const pairs = Array.from({ length: 5 }, () => ({
          repository,
          base: "master",
          head: "uat",
        }));
        for await (const result of bench.provider.compareMany(pairs, never)) {
          expect(result.ok).toBe(true);
          break;
        }
      });
    });

    describe("refusing hostile names", () => {
      it.each(
        HOSTILE_REFS.map((ref) => [
          ref.length > 60 ? `${ref.length} characters` : JSON.stringify(ref),
          ref,
        ]),
      )("%s", async (_shown, ref) => {
        const { repository, root } = await withBranches();
        const { provider } = bench;
        await expect(compareAll([{ repository, base: "master", head: ref }])).rejects.toThrow(
          RefInvalid,
        );
        await expect(compareAll([{ repository, base: ref, head: "uat" }])).rejects.toThrow(
          RefInvalid,
        );
        await expect(provider.resolveMany([{ repository, ref }], never)).rejects.toThrow(
          RefInvalid,
        );
        await expect(identity(repository, "master", ref)).rejects.toThrow(RefInvalid);
        await expect(provider.land(repository, ref, root, never)).rejects.toThrow(RefInvalid);
        await expect(provider.land(repository, "master", ref, never)).rejects.toThrow(RefInvalid);
      });

      it.each(["-x", "*", "a b", "..", "x".repeat(300)])("prefix %j", async (prefix) => {
        const { repository } = await withBranches();
        await expect(
          bench.provider.listBranches(repository, { prefix, limit: 5 }, never),
        ).rejects.toThrow(RefInvalid);
      });

      it("does not take part of a commit id, or HEAD, for a commit", async () => {
        const { repository, root } = await withBranches();
        for (const ref of [root.slice(0, 10), "HEAD"]) {
          expect((await failureOf(repository, "master", ref)).code).toBe("branch_missing");
        }
        await expect(
          bench.provider.land(repository, "uat", root.slice(0, 10), never),
        ).rejects.toThrow(RefInvalid);
      });
    });

    describe("resolving", () => {
      it("gives what each name stands for, in the order asked", async () => {
        const one = await withBranches();
        const two = await withBranches();
        const uat = await bench.commit(two.repository, "uat", {
          title: "feat: a",
          files: { a: "a\n" },
        });
        const asked = [
          { repository: two.repository, ref: "uat" },
          { repository: one.repository, ref: "nope" },
          { repository: one.repository, ref: "uat" },
          { repository: two.repository, ref: two.root },
        ];
        const results = await bench.provider.resolveMany(asked, never);
        expect(results.map(({ repository, ref }) => ({ repository, ref }))).toEqual(asked);
        expect(results.map((result) => (result.ok ? result.sha : result.failure.code))).toEqual([
          uat,
          "branch_missing",
          one.root,
          two.root,
        ]);
      });

      it("tells missing and empty repositories", async () => {
        const empty = await newRepository();
        const gone = await newRepository();
        await bench.remove(gone);
        const results = await bench.provider.resolveMany(
          [empty, gone].map((repository) => ({ repository, ref: "uat" })),
          never,
        );
        expect(results.map((result) => (result.ok ? "ok" : result.failure.code))).toEqual([
          "repository_empty",
          "repository_missing",
        ]);
      });
    });

    describe("listing branches", () => {
      it("gives names and commits by name, by their beginning, and not more than asked", async () => {
        const { repository, root } = await withBranches();
        for (const branch of ["feature/b", "feature/a/x", "fix/a"]) {
          await bench.move(repository, branch, root);
        }
        const list = async (query: { prefix?: string; limit: number }) =>
          (await bench.provider.listBranches(repository, query, never)).map(
            (branch) => branch.name,
          );
        expect(await list({ limit: 10 })).toEqual([
          "feature/a/x",
          "feature/b",
          "fix/a",
          "master",
          "uat",
        ]);
        expect(await list({ prefix: "fe", limit: 10 })).toEqual(["feature/a/x", "feature/b"]);
        expect(await list({ prefix: "feature/", limit: 1 })).toEqual(["feature/a/x"]);
        expect(await list({ prefix: "none", limit: 5 })).toEqual([]);
        expect(
          await bench.provider.listBranches(repository, { prefix: "uat", limit: 1 }, never),
        ).toEqual([{ name: "uat", sha: root }]);
      });

      it("refuses a repository that is gone", async () => {
        const gone = await newRepository();
        await bench.remove(gone);
        await expect(bench.provider.listBranches(gone, { limit: 5 }, never)).rejects.toThrow(
          AppError,
        );
      });
    });

    describe("identity of a change", () => {
      const lines = (...changed: (readonly [number, string])[]) =>
        Array.from(
          { length: 40 },
          (_, index) => changed.find(([at]) => at === index)?.[1] ?? `line ${index}`,
        )
          .join("\n")
          .concat("\n");

      /** `uat` changes line 30 of a file; `master` then grows. */
      async function withChange() {
        const { repository, root } = await withBranches({ "a.txt": lines() });
        const change = { title: "feat: a", files: { "a.txt": lines([30, "ours"]) } };
        const head = await bench.commit(repository, "uat", change);
        return { repository, root, head, before: await identity(repository, "master", "uat") };
      }

      it("stays the same when base was merged in", async () => {
        const { repository, head, before } = await withChange();
        const base = await bench.commit(repository, "master", {
          title: "fix: top",
          files: { "a.txt": `new\nlines\non top\n${lines([2, "theirs"])}`, "b.txt": "b\n" },
        });
        await bench.commit(repository, "uat", {
          title: "Merge branch 'master' into uat",
          files: {
            "a.txt": `new\nlines\non top\n${lines([2, "theirs"], [30, "ours"])}`,
            "b.txt": "b\n",
          },
          parents: [head, base],
        });
        expect(await identity(repository, "master", "uat")).toBe(before);
      });

      it("stays the same when the patch was rebased, and when it was split", async () => {
        const { repository, before } = await withChange();
        const base = await bench.commit(repository, "master", {
          title: "fix: top",
          files: { "a.txt": `new\n${lines()}` },
        });
        const half = await bench.commit(repository, "uat", {
          title: "feat: half",
          files: { "a.txt": `new\n${lines([30, "half"])}` },
          parents: [base],
        });
        expect(await identity(repository, "master", "uat")).not.toBe(before);
        await bench.commit(repository, "uat", {
          title: "feat: whole",
          files: { "a.txt": `new\n${lines([30, "ours"])}` },
          parents: [half],
        });
        expect(await identity(repository, "master", "uat")).toBe(before);
      });

      it("does not care about what base did meanwhile", async () => {
        const { repository, before } = await withChange();
        await bench.commit(repository, "master", { title: "fix: hot", files: { hot: "1\n" } });
        expect(await identity(repository, "master", "uat")).toBe(before);
      });

      it("is the same whether asked by name or by id", async () => {
        const { repository, root, head, before } = await withChange();
        expect(await identity(repository, root, head)).toBe(before);
      });

      it.each<readonly [string, Readonly<Record<string, string | null>>]>([
        ["another line", { "a.txt": lines([30, "ours"], [35, "more"]) }],
        ["other words", { "a.txt": lines([30, "others"]) }],
        ["white space", { "a.txt": lines([30, " ours"]) }],
        ["a new file", { "b.txt": "" }],
        ["a new file with content", { "b.txt": "b\n" }],
        ["no line break at the end", { "a.txt": lines([30, "ours"]).trimEnd() }],
        ["a removed file", { "a.txt": null }],
        ["binary content", { "b.bin": "\0\u0001" }],
      ])("changes with %s", async (_what, files) => {
        const { repository, before } = await withChange();
        await bench.commit(repository, "uat", { title: "feat: more", files });
        expect(await identity(repository, "master", "uat")).not.toBe(before);
      });

      it("tells binary contents apart", async () => {
        const { repository, root } = await withBranches();
        const identities = new Set<string>();
        for (const content of ["\0one", "\0two", "\0two and more"]) {
          await bench.commit(repository, "uat", {
            title: "feat: logo",
            files: { "logo.png": content },
            parents: [root],
          });
          identities.add(await identity(repository, "master", "uat"));
        }
        expect(identities.size).toBe(3);
      });

      it("is one and the same when nothing changes", async () => {
        const one = await withBranches();
        const two = await withBranches({ other: "file\n" });
        await bench.commit(two.repository, "master", { title: "fix: hot", files: { hot: "1\n" } });
        expect(await identity(one.repository, "master", "uat")).toBe(
          await identity(two.repository, "master", "uat"),
        );
      });

      it("cannot be told of a branch that is not there", async () => {
        const { repository } = await withBranches();
        await expect(identity(repository, "master", "nope")).rejects.toThrow(AppError);
      });
    });

    describe("landing", () => {
      async function withWork() {
        const { repository, root } = await withBranches();
        const sha = await bench.commit(repository, "uat", {
          title: "feat: a",
          files: { a: "a\n" },
        });
        return { repository, root, sha };
      }

      it("moves the branch to exactly the commit, and only once", async () => {
        const { repository, sha } = await withWork();
        const { provider } = bench;
        expect(await provider.land(repository, "master", sha, never)).toEqual({
          outcome: "landed",
          sha,
        });
        expect(await tipOf(repository, "master")).toBe(sha);
        expect(await provider.land(repository, "master", sha, never)).toEqual({
          outcome: "already_there",
          sha,
        });
        expect((await compare(repository, "master", "uat")).commitCount).toBe(0);
      });

      it("moves it to the signed commit, not to what came after", async () => {
        const { repository, sha } = await withWork();
        await bench.commit(repository, "uat", { title: "feat: late", files: { late: "1\n" } });
        await bench.provider.land(repository, "master", sha, never);
        expect(await tipOf(repository, "master")).toBe(sha);
      });

      it("changes nothing when the branch has moved on", async () => {
        const { repository, sha } = await withWork();
        const branchSha = await bench.commit(repository, "master", {
          title: "fix: hot",
          files: { hot: "1\n" },
        });
        expect(await bench.provider.land(repository, "master", sha, never)).toEqual({
          outcome: "diverged",
          branchSha,
        });
        expect(await tipOf(repository, "master")).toBe(branchSha);
      });

      it("never moves a branch back", async () => {
        const { repository, root, sha } = await withWork();
        expect(await bench.provider.land(repository, "uat", root, never)).toEqual({
          outcome: "diverged",
          branchSha: sha,
        });
      });

      it("ends in one state when asked twice at once", async () => {
        const { repository, sha } = await withWork();
        const results = await Promise.all(
          Array.from({ length: 4 }, () => bench.provider.land(repository, "master", sha, never)),
        );
        for (const result of results) {
          expect(["landed", "already_there"]).toContain(result.outcome);
          expect(result).toMatchObject({ sha });
        }
        expect(await tipOf(repository, "master")).toBe(sha);
      });

      it("refuses a branch or a commit that is not there", async () => {
        const { repository, sha } = await withWork();
        await expect(bench.provider.land(repository, "nope", sha, never)).rejects.toThrow(AppError);
        await expect(
          bench.provider.land(repository, "master", "0123456789".repeat(4), never),
        ).rejects.toThrow(AppError);
        expect(await tipOf(repository, "nope")).toBeUndefined();
      });
    });

    describe("reading a file", () => {
      const read = async (repository: RepoRef, sha: string, path: string, maxBytes = 1_000) => {
        const bytes = await bench.provider.readFile(repository, { sha, path, maxBytes }, never);
        return bytes === null ? null : Buffer.from(bytes).toString("utf8");
      };

      it("gives it as it was at exactly that commit", async () => {
        const { repository, root } = await withBranches({
          "deploy/stack.yml": "größe: 1\r\n",
          "a b/$(x).txt": "",
        });
        const later = await bench.commit(repository, "master", {
          title: "feat: more",
          files: { "deploy/stack.yml": "größe: 2", "new.yml": "n" },
        });
        expect(await read(repository, root, "deploy/stack.yml")).toBe("größe: 1\r\n");
        expect(await read(repository, later, "deploy/stack.yml")).toBe("größe: 2");
        expect(await read(repository, root, "a b/$(x).txt")).toBe("");
        expect(await read(repository, root, "new.yml")).toBeNull();
        expect(await read(repository, root, "deploy/STACK.yml")).toBeNull();
        expect(await read(repository, root, "none/at/all.yml")).toBeNull();
        expect(await read(repository, root, "deploy/stack.yml/x")).toBeNull();
      });

      it("reads no pattern into a path", async () => {
        const { repository, root } = await withBranches({ "a.yml": "a" });
        expect(await read(repository, root, "*.yml")).toBeNull();
        expect(await read(repository, root, ":(icase)A.yml")).toBeNull();
        expect(await read(repository, root, "--help")).toBeNull();
      });

      it("takes a file of exactly the allowed size, and refuses a larger one", async () => {
        const { repository, root } = await withBranches({ "a.yml": "ä".repeat(50) });
        expect(await read(repository, root, "a.yml", 100)).toBe("ä".repeat(50));
        await expect(read(repository, root, "a.yml", 99)).rejects.toThrow(UpstreamRejected);
        await expect(read(repository, root, "a.yml", 99)).rejects.toThrow("99 bytes");
      });

      it("refuses a folder", async () => {
        const { repository, root } = await withBranches({ "deploy/stack.yml": "x" });
        await expect(read(repository, root, "deploy")).rejects.toThrow(UpstreamRejected);
      });

      it.each(["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\0b", "a\nb", "a\\b"])(
        "refuses the path %j",
        async (path) => {
          const { repository, root } = await withBranches();
          await expect(read(repository, root, path)).rejects.toThrow(FilePathInvalid);
        },
      );

      it("refuses anything but a full commit id, and a commit that is not there", async () => {
        const { repository, root } = await withBranches({ "a.yml": "a" });
        for (const sha of ["master", "", root.slice(0, 12), `${root}^`, "--help"]) {
          await expect(read(repository, sha, "a.yml")).rejects.toThrow(RefInvalid);
        }
        const unknown = "0123456789".repeat(4);
        await expect(read(repository, unknown, "a.yml")).rejects.toThrow(UpstreamRejected);
      });

      it("refuses a repository that is gone", async () => {
        const { repository, root } = await withBranches({ "a.yml": "a" });
        await bench.remove(repository);
        await expect(read(repository, root, "a.yml")).rejects.toThrow(AppError);
      });
    });
  });
}

function byPath<T extends { readonly path: string }>(files: readonly T[]): readonly T[] {
  return [...files].sort((a, b) => (a.path < b.path ? -1 : 1));
}
