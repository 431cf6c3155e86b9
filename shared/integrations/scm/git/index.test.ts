import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment } from "../../../config/environment.ts";
import type { CompareResult, RepoRef, ScmProvider } from "../../../core/ports/scm.ts";
import { UpstreamRejected, UpstreamUnavailable } from "../../../errors/catalog.ts";
import { scmContract, type ScmWorkbench } from "../../../testing/scm-contract.ts";
import { createGitScm } from "./index.ts";
import { GitOptions } from "./options.ts";
import { commitTo, git, initRepository, makeFolder } from "./testing/git-workbench.ts";

const MOST_REPOSITORIES = 200;

const never = new AbortController().signal;
let folder: Awaited<ReturnType<typeof makeFolder>>;

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(async () => {
  await folder.remove();
});

function createProvider(options: unknown, data = folder.path): ScmProvider {
  return createGitScm(GitOptions.parse(options), {
    id: "git:0",
    dataDirectory: join(data, "data"),
    baseDir: data,
    processEnvironment: readEnvironment(),
  });
}

async function compareAll(
  provider: ScmProvider,
  repositories: readonly RepoRef[],
  [base, head]: readonly [string, string] = ["master", "uat"],
): Promise<readonly CompareResult[]> {
  const results: CompareResult[] = [];
  const pairs = repositories.map((repository) => ({ repository, base, head }));
  for await (const result of provider.compareMany(pairs, never)) {
    results.push(result);
  }
  return results;
}

async function compare(provider: ScmProvider, repository: RepoRef) {
  const [result] = await compareAll(provider, [repository]);
  if (result?.ok !== true) {
    throw new Error(result?.failure.reason);
  }
  return result.comparison;
}

describe("kept contracts", () => {
  scmContract("git with a folder of work trees", async () => {
    const home = await makeFolder();
    const provider = createProvider({ root: "repos" }, home.path);
    return workbench(provider, home, "work tree", (path) => path);
  });

  scmContract("git with addresses", async () => {
    const home = await makeFolder();
    const paths = Array.from({ length: MOST_REPOSITORIES }, (_, index) =>
      join(home.path, "repos", `service-${index + 1}`),
    );
    const urls = paths.map((path) => pathToFileURL(path).href);
    const provider = createProvider({ urls }, home.path);
    return workbench(provider, home, "bare", (path) => pathToFileURL(path).href);
  });

  function workbench(
    provider: ScmProvider,
    home: Awaited<ReturnType<typeof makeFolder>>,
    kind: "bare" | "work tree",
    locatorOf: (path: string) => string,
  ): ScmWorkbench {
    const pathOf = ({ name }: RepoRef) => join(home.path, "repos", name);
    return {
      provider,
      async repository(name) {
        const path = join(home.path, "repos", name);
        await initRepository(path, kind);
        return { provider: provider.id, name, locator: locatorOf(path) };
      },
      commit: (repository, branch, draft) => commitTo(pathOf(repository), branch, draft),
      async move(repository, branch, sha) {
        await git(pathOf(repository), ["update-ref", `refs/heads/${branch}`, sha]);
      },
      remove: (repository) => rm(pathOf(repository), { recursive: true }),
      close: home.remove,
    };
  }
});

describe(createGitScm, () => {
  let root: string;
  let provider: ScmProvider;
  let roots = 0;

  beforeEach(async () => {
    roots += 1;
    root = join(folder.path, `root-${roots}`);
    await mkdir(root);
    provider = createProvider({ root });
  });

  function refOf(name: string): RepoRef {
    return { provider: "git:0", name, locator: join(root, name) };
  }

  /** A repository whose `uat` is one commit ahead of `master`. */
  async function makeRepository(name: string, kind: "bare" | "work tree" = "bare") {
    const path = join(root, name);
    await initRepository(path, kind);
    const base = await commitTo(path, "master", { title: "begin", files: { "a.txt": "a\n" } });
    await git(path, ["update-ref", "refs/heads/uat", base]);
    const head = await commitTo(path, "uat", { title: "feat: b", files: { "b.txt": "b\n" } });
    return { path, ref: refOf(name), base, head };
  }

  describe("finding repositories", () => {
    it("finds bare ones and work trees one level below the root, and nothing else", async () => {
      await makeRepository("api-gateway", "work tree");
      await makeRepository("auth-service.git");
      await makeRepository("nested/deep");
      await mkdir(join(root, "notes"));
      await writeFile(join(root, "README"), "not a repository");
      await symlink(join(root, "api-gateway"), join(root, "linked"));
      expect((await provider.listRepositories(never)).map(({ name }) => name)).toEqual([
        "api-gateway",
        "auth-service",
        "linked",
      ]);
    });

    it("takes the root itself when that is a repository", async () => {
      const { path } = await makeRepository("alone");
      expect(await createProvider({ root: path }).listRepositories(never)).toEqual([
        { provider: "git:0", name: "alone", locator: path },
      ]);
    });

    it("keeps what is included and drops what is excluded", async () => {
      for (const name of ["api-service", "old-service", "web.app", "webXapp"]) {
        await initRepository(join(root, name), "bare");
      }
      const names = async (options: object) =>
        (await createProvider({ root, ...options }).listRepositories(never)).map(
          ({ name }) => name,
        );
      expect(await names({ include: ["*-service"], exclude: ["old-*"] })).toEqual(["api-service"]);
      expect(await names({ include: ["web.???"] })).toEqual(["web.app"]);
    });

    it("says when the root is not there", async () => {
      const missing = createProvider({ root: join(root, "nowhere") });
      await expect(missing.listRepositories(never)).rejects.toThrow(UpstreamUnavailable);
    });

    it("does not answer for a repository around the folder that was asked about", async () => {
      await initRepository(root, "work tree");
      await mkdir(join(root, "inner"));
      const [result] = await compareAll(provider, [refOf("inner")]);
      expect(result).toMatchObject({ ok: false, failure: { code: "repository_unreadable" } });
    });

    it("does not touch what is not configured any more", async () => {
      const { ref } = await makeRepository("api");
      const elsewhere = createProvider({ root: join(folder.path, "other") });
      const [result] = await compareAll(elsewhere, [ref]);
      expect(result).toMatchObject({ ok: false, failure: { code: "repository_missing" } });
      expect(elsewhere.cloneUrl(ref)).toBeNull();
    });

    it("gives an address other programs can clone from", async () => {
      const { ref, head } = await makeRepository("api gateway ü");
      const target = join(root, ".clone");
      await git(root, ["clone", "-q", "-b", "uat", provider.cloneUrl(ref) ?? "", target]);
      expect(await git(target, ["rev-parse", "HEAD"])).toBe(head);
    });
  });

  it("cuts a long list of commits and keeps the counts true", async () => {
    const { ref, path, base } = await makeRepository("long");
    const stream = Array.from(
      { length: 600 },
      (_, index) =>
        `commit refs/heads/uat\ncommitter A <a@example.com> ${1_770_000_000 + index} +0000\ndata 5\nc ${String(index).padStart(3, "0")}\n${index === 0 ? `from ${base}\n` : ""}`,
    ).join("");
    await git(path, ["fast-import", "--quiet", "--force"], stream);
    const comparison = await compare(provider, ref);
    expect(comparison).toMatchObject({ commitCount: 600, behindCount: 0, truncated: true });
    expect(comparison.commits).toHaveLength(500);
    expect(comparison.commits[0]?.title).toBe("c 599");
  });

  it("counts and cuts right where both sides have many commits", async () => {
    const { ref, path, base } = await makeRepository("forked");
    const stream = ["uat", "master"].flatMap((branch) =>
      Array.from(
        { length: 400 },
        (_, index) =>
          `commit refs/heads/${branch}\ncommitter A <a@example.com> ${1_770_000_000 + index} +0000\ndata 4\n${branch.charAt(0)}${String(index).padStart(3, "0")}\n${index === 0 ? `from ${base}\n` : ""}`,
      ),
    );
    await git(path, ["fast-import", "--quiet", "--force"], stream.join(""));
    const comparison = await compare(provider, ref);
    expect(comparison).toMatchObject({
      commitCount: 400,
      behindCount: 400,
      mergeBaseSha: base,
      truncated: false,
    });
    expect(comparison.commits).toHaveLength(400);
  });

  it("cuts a long list of files and keeps the count true", async () => {
    const { ref, path } = await makeRepository("wide");
    const files = Object.fromEntries(Array.from({ length: 3100 }, (_, at) => [`f/${at}`, `${at}`]));
    await commitTo(path, "uat", { title: "feat: many files", files });
    const comparison = await compare(provider, ref);
    expect(comparison).toMatchObject({ fileCount: 3101, truncated: true });
    expect(comparison.files).toHaveLength(3000);
  });

  describe("bad repositories", () => {
    it("tells damaged, foreign, shallow and slow ones, and still compares the others", async () => {
      const good = await makeRepository("good");
      const damaged = await makeRepository("damaged");
      await rm(join(damaged.path, "objects"), { recursive: true });
      await mkdir(join(damaged.path, "objects"));
      await mkdir(join(root, "hollow/.git"), { recursive: true });
      const slow = await makeRepository("slow");
      await rm(join(slow.path, "config"));
      execFileSync("sh", ["-c", `mkfifo "$1"`, "sh", join(slow.path, "config")]);
      const source = await makeRepository("source");
      const shallow = join(root, "shallow");
      await git(root, [
        "clone",
        "-q",
        "--depth=1",
        pathToFileURL(source.path).href,
        shallow,
        "-b",
        "uat",
      ]);

      const hurried = createProvider({ root, timeout: "500ms" });
      const refs = ["slow", "good", "damaged", "hollow", "shallow"].map(refOf);
      const results = await compareAll(hurried, refs);
      const byName = new Map(results.map((result) => [result.repository.name, result]));

      expect(byName.get("good")).toMatchObject({ ok: true, comparison: { headSha: good.head } });
      expect(results.filter(({ ok }) => !ok)).toHaveLength(4);
      expect(byName.get("slow")).toMatchObject({ failure: { code: "timeout" } });
      for (const name of ["damaged", "hollow", "shallow"]) {
        expect(byName.get(name)).toMatchObject({ failure: { code: "repository_unreadable" } });
      }
    });

    it("says of a folder it cannot look into that it cannot", async () => {
      const [result] = await compareAll(provider, [refOf("x".repeat(300))]);
      expect(result).toMatchObject({ ok: false, failure: { code: "repository_unreadable" } });
    });

    it("stops at once when the person stops, whatever a repository does", async () => {
      const { path, ref } = await makeRepository("slow");
      await rm(join(path, "config"));
      execFileSync("sh", ["-c", `mkfifo "$1"`, "sh", join(path, "config")]);
      const stop = new AbortController();
      const asked = provider.resolveMany([{ repository: ref, ref: "uat" }], stop.signal);
      stop.abort(new Error("enough"));
      await expect(asked).rejects.toThrow("enough");
    });
  });

  describe("repositories that try to run something", () => {
    it("runs no hook and no configured program while comparing and landing", async () => {
      const { ref, path, head } = await makeRepository("trap", "work tree");
      await git(path, ["checkout", "-q", "master"]);
      const mark = join(root, "ran");
      const script = join(root, "trap.sh");
      await writeFile(script, `#!/bin/sh\necho "$0 $*" >> '${mark}'\ncat\n`, { mode: 0o755 });
      const hooks = join(path, ".git/hooks");
      await mkdir(hooks, { recursive: true });
      for (const hook of [
        "reference-transaction",
        "post-merge",
        "post-checkout",
        "post-index-change",
        "fsmonitor-watchman",
      ]) {
        await writeFile(join(hooks, hook), `#!/bin/sh\necho ${hook} >> '${mark}'\n`, {
          mode: 0o755,
        });
      }
      for (const key of [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "diff.external",
        "diff.trap.command",
        "diff.trap.textconv",
        "gpg.program",
        "credential.helper",
      ]) {
        await git(path, ["config", key, script]);
      }
      await git(path, ["config", "log.showSignature", "true"]);
      await writeFile(join(path, ".git/info/attributes"), "* diff=trap\n");

      await compare(provider, ref);
      await provider.patchIdentity(ref, "master", "uat", never);
      await provider.listBranches(ref, { limit: 5 }, never);
      expect(await provider.land(ref, "master", head, never)).toEqual({
        outcome: "landed",
        sha: head,
      });
      await expect(readFile(mark, "utf8")).rejects.toThrow("ENOENT");
    });

    it("refuses to bring a work tree along whose configuration filters files", async () => {
      const { ref, path, head, base } = await makeRepository("filtered", "work tree");
      await git(path, ["checkout", "-q", "master"]);
      const mark = join(root, "ran");
      await git(path, ["config", "filter.trap.smudge", `touch '${mark}'; cat`]);
      await writeFile(join(path, ".git/info/attributes"), "* filter=trap\n");
      await expect(provider.land(ref, "master", head, never)).rejects.toThrow("filter programs");
      await expect(readFile(mark)).rejects.toThrow("ENOENT");
      expect(await git(path, ["rev-parse", "master"])).toBe(base);
    });

    it("shows commits as they are, not what a replacement pretends", async () => {
      const { ref, path, head, base } = await makeRepository("replaced");
      const other = await commitTo(path, "other", { title: "harmless", parents: [base] });
      await git(path, ["replace", head, other]);
      const { commits } = await compare(provider, ref);
      expect(commits.map(({ title }) => title)).toEqual(["feat: b"]);
    });

    it("inherits no git variable of whoever started us", async () => {
      const { ref, head } = await makeRepository("plain");
      process.env["GIT_DIR"] = join(root, "nowhere");
      process.env["GIT_INDEX_FILE"] = join(root, "nowhere");
      try {
        expect((await compare(createProvider({ root }), ref)).headSha).toBe(head);
      } finally {
        delete process.env["GIT_DIR"];
        delete process.env["GIT_INDEX_FILE"];
      }
    });
  });

  describe("names", () => {
    it("takes a branch before a tag of the same name, and a tag where there is no branch", async () => {
      const { ref, path, base, head } = await makeRepository("tagged");
      await git(path, ["tag", "-a", "-m", "one", "uat", base]);
      await git(path, ["tag", "-a", "-m", "two", "v1.0", base]);
      const resolved = await provider.resolveMany(
        ["uat", "v1.0"].map((name) => ({ repository: ref, ref: name })),
        never,
      );
      expect(resolved).toMatchObject([{ sha: head }, { sha: base }]);
      await expect(provider.land(ref, "v1.0", head, never)).rejects.toThrow(UpstreamRejected);
    });

    it("takes a commit id for itself, whatever a branch is called", async () => {
      const { ref, path, base, head } = await makeRepository("confusing");
      await git(path, ["update-ref", `refs/heads/${base}`, head]);
      const [resolved] = await provider.resolveMany([{ repository: ref, ref: base }], never);
      expect(resolved).toMatchObject({ sha: base });
    });
  });

  describe("reading a file", () => {
    it("follows no link, neither at the end of the path nor in it, and enters no submodule", async () => {
      const { ref, path, head } = await makeRepository("links");
      const stream = [
        "commit refs/heads/links",
        "mark :1",
        "committer Somebody <somebody@example.com> 1760000000 +0000",
        "data 5\nlinks",
        `from ${head}`,
        "M 120000 inline passwd",
        "data 11\n/etc/passwd",
        "M 120000 inline up",
        "data 2\n..",
        `M 160000 ${head} module`,
        "",
        "get-mark :1",
        "",
      ];
      const sha = (await git(path, ["fast-import", "--quiet"], stream.join("\n"))).trim();
      const read = (file: string) =>
        provider.readFile(ref, { sha, path: file, maxBytes: 1_000 }, never);
      await expect(read("passwd")).rejects.toThrow("a symbolic link");
      await expect(read("module")).rejects.toThrow("a submodule");
      expect(await read("up/links/HEAD")).toBeNull();
    });

    it("gives bytes as they are", async () => {
      const { ref, path } = await makeRepository("bytes");
      const file = join(root, "bytes.bin");
      const bytes = Buffer.from([0, 255, 254, 10, 13, 128]);
      await writeFile(file, bytes);
      const blob = await git(path, ["hash-object", "-w", file]);
      const tree = await git(path, ["mktree"], `100644 blob ${blob}\tb.bin\n`);
      const sha = await git(path, ["commit-tree", "-m", "bytes", tree]);
      expect(await provider.readFile(ref, { sha, path: "b.bin", maxBytes: 6 }, never)).toEqual(
        bytes,
      );
    });
  });

  describe("landing where the branch is checked out", () => {
    async function checkedOut() {
      const made = await makeRepository("service", "work tree");
      await git(made.path, ["checkout", "-q", "master"]);
      return made;
    }

    async function status(path: string): Promise<string> {
      return git(path, ["status", "--porcelain"]);
    }

    it("brings a clean work tree along", async () => {
      const { ref, path, head } = await checkedOut();
      await writeFile(join(path, "mine.txt"), "not known to git");
      expect(await provider.land(ref, "master", head, never)).toEqual({
        outcome: "landed",
        sha: head,
      });
      expect(await readFile(join(path, "b.txt"), "utf8")).toBe("b\n");
      expect(await status(path)).toBe("?? mine.txt");
      expect(await git(path, ["log", "-1", "--format=%s"])).toBe("feat: b");
    });

    it.each([
      ["changed", (path: string) => writeFile(join(path, "a.txt"), "changed")],
      [
        "staged",
        async (path: string) => {
          await writeFile(join(path, "c.txt"), "new");
          await git(path, ["add", "c.txt"]);
        },
      ],
      ["in the way", (path: string) => writeFile(join(path, "b.txt"), "mine")],
      ["locked", (path: string) => writeFile(join(path, ".git/index.lock"), "")],
    ])("refuses when something is %s, and loses nothing", async (_what, spoil) => {
      const { ref, path, head, base } = await checkedOut();
      await spoil(path);
      const before = await status(path);
      await expect(provider.land(ref, "master", head, never)).rejects.toThrow(UpstreamRejected);
      expect(await git(path, ["rev-parse", "master"])).toBe(base);
      expect(await status(path)).toBe(before);
    });

    it("finishes what a crash left half done", async () => {
      const { ref, path, base, head } = await checkedOut();
      await git(path, ["read-tree", "-m", "-u", base, head]);
      expect(await provider.land(ref, "master", head, never)).toMatchObject({ outcome: "landed" });
      expect(await status(path)).toBe("");
    });

    it("brings a linked work tree along", async () => {
      const { ref, path, head } = await makeRepository("service", "work tree");
      const linked = join(root, "elsewhere");
      await git(path, ["worktree", "add", "-q", linked, "master"]);
      expect(await provider.land(ref, "master", head, never)).toMatchObject({ outcome: "landed" });
      expect(await status(linked)).toBe("");
      expect(await readFile(join(linked, "b.txt"), "utf8")).toBe("b\n");
    });
  });

  describe("repositories by address", () => {
    async function byAddress(options: object = {}) {
      const made = await makeRepository("api-gateway.git");
      const url = pathToFileURL(made.path).href;
      const remote = createProvider({ url, ...options }, root);
      const [ref] = await remote.listRepositories(never);
      return { ...made, remote, url, ref: ref ?? made.ref };
    }

    it("calls them by the last part of their address, or as told", async () => {
      const { ref, url } = await byAddress();
      expect(ref).toEqual({ provider: "git:0", name: "api-gateway", locator: url });
      expect((await byAddressNamed(url)).map(({ name }) => name)).toEqual(["gateway"]);
    });

    function byAddressNamed(url: string) {
      return createProvider({ url, name: "gateway" }, root).listRepositories(never);
    }

    it("sees what was pushed since, also when forced, and forgets deleted branches", async () => {
      const { remote, ref, path, base } = await byAddress();
      expect((await compare(remote, ref)).commitCount).toBe(1);
      const forced = await commitTo(path, "uat", {
        title: "feat: c",
        files: { c: "c\n" },
        parents: [base],
      });
      expect((await compare(remote, ref)).headSha).toBe(forced);
      await git(path, ["update-ref", "-d", "refs/heads/uat"]);
      const [result] = await compareAll(remote, [ref]);
      expect(result).toMatchObject({ ok: false, failure: { code: "branch_missing" } });
    });

    it("never passes an old copy off as new", async () => {
      const { remote, ref, path } = await byAddress();
      await compare(remote, ref);
      await rename(path, `${path}.away`);
      const [result] = await compareAll(remote, [ref]);
      expect(result).toMatchObject({ ok: false, failure: { code: "repository_missing" } });
    });

    it("knows commits it has already, even while the host is away", async () => {
      const { remote, ref, path, base, head } = await byAddress();
      const before = await remote.patchIdentity(ref, "master", "uat", never);
      await rename(path, `${path}.away`);
      expect(await remote.patchIdentity(ref, base, head, never)).toBe(before);
    });

    it("says why the host refused, and has moved nothing", async () => {
      const { remote, ref, path, base, head } = await byAddress();
      await mkdir(join(path, "hooks"), { recursive: true });
      await writeFile(
        join(path, "hooks/pre-receive"),
        "#!/bin/sh\necho 'error: master is protected' >&2\nexit 1\n",
        { mode: 0o755 },
      );
      await expect(remote.land(ref, "master", head, never)).rejects.toThrow(UpstreamRejected);
      await expect(remote.land(ref, "master", head, never)).rejects.toThrow("protected");
      expect(await git(path, ["rev-parse", "master"])).toBe(base);
    });

    it("keeps one mirror per address and leaves nothing half made", async () => {
      const { remote, ref } = await byAddress();
      await Promise.all(Array.from({ length: 5 }, () => compare(remote, ref)));
      const mirrors = await readdir(join(root, "data/mirrors"));
      expect(mirrors).toHaveLength(1);
      expect(basename(mirrors[0] ?? "")).toMatch(/^[0-9a-f]{64}\.git$/);
    });
  });
});
