import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { CommitDraft } from "../../../../testing/scm-contract.ts";
import { commitTo, git, initRepository } from "../../git/testing/git-workbench.ts";

export interface FakePull {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly base: string;
  readonly head: string;
  /** `owner/name` of the fork the head is in; null: the repository itself. */
  readonly fork: string | null;
  readonly createdAt: string;
  updatedAt: string;
  state: "open" | "closed";
  mergedAt: string | null;
  mergeSha: string | null;
  /** Where the head was when the pull request was closed. */
  headSha: string;
}

export interface FakeStatus {
  readonly context: string;
  readonly state: string;
  readonly description: string | null;
  readonly targetUrl: string | null;
}

export interface FakeCheck {
  readonly name: string;
  readonly status: "QUEUED" | "IN_PROGRESS" | "COMPLETED";
  readonly conclusion: string | null;
  readonly url?: string;
}

export interface FakeDeployment {
  readonly id: number;
  readonly sha: string;
  readonly environment: string;
  readonly description: string;
  readonly payload: unknown;
  readonly requiredContexts: readonly string[];
  /** Oldest first. */
  readonly statuses: {
    readonly state: string;
    readonly description: string;
    readonly logUrl: string;
  }[];
}

/** What is not allowed on a branch. */
export interface BranchRule {
  /** GitHub's sentence when somebody moves the branch; absent: that is allowed. */
  readonly update?: string;
  /** GitHub's sentence when somebody merges a pull request into it; absent: that is allowed. */
  readonly merge?: string;
}

export interface ChangedPath {
  readonly status: string;
  readonly path: string;
  readonly previous: string | null;
  readonly oldOid: string;
  readonly newOid: string;
  readonly additions: number;
  readonly deletions: number;
  /** Undefined for binary files. */
  readonly patch: string | undefined;
}

/** Answers about objects, by the command. The same ids are the same objects everywhere. */
const KNOWN = new Map<string, string>();

/** A repository of the fake: a real one on disk, and what GitHub keeps beside it. */
export class FakeRepository {
  readonly id: number;
  readonly directory: string;
  fullName: string;
  isArchived = false;
  isDisabled = false;
  /** Not for this token: GitHub answers as if it did not exist. */
  isHidden = false;
  allowsMergeCommits = true;
  topics: readonly string[] = [];
  readonly pulls: FakePull[] = [];
  readonly rules = new Map<string, BranchRule>();
  readonly statuses = new Map<string, FakeStatus[]>();
  readonly checks = new Map<string, FakeCheck[]>();
  readonly deployments: FakeDeployment[] = [];
  /** What ids stand for here. */
  readonly #types: Map<string, string>;

  constructor(id: number, fullName: string, directory: string, copyOf?: FakeRepository) {
    this.#types = new Map(copyOf === undefined ? [] : copyOf.#types);
    this.id = id;
    this.fullName = fullName;
    this.directory = directory;
  }

  get owner(): string {
    return this.fullName.slice(0, this.fullName.indexOf("/"));
  }

  get name(): string {
    return this.fullName.slice(this.fullName.indexOf("/") + 1);
  }

  /** Makes a commit, points the branch at it, and gives its id. */
  async commit(branch: string, draft: CommitDraft): Promise<string> {
    const sha = await commitTo(this.directory, branch, draft);
    this.#types.set(sha, "commit");
    return sha;
  }

  /** Points a branch at a commit, whatever it stood for before. */
  async move(branch: string, sha: string): Promise<void> {
    await git(this.directory, ["update-ref", `refs/heads/${branch}`, sha]);
  }

  async deleteBranch(branch: string): Promise<void> {
    await git(this.directory, ["update-ref", "-d", `refs/heads/${branch}`]);
  }

  async tip(branch: string): Promise<string | undefined> {
    return (await this.refs()).get(`refs/heads/${branch}`);
  }

  /** Opens a pull request as somebody would on the page. */
  async openPull(given: {
    readonly base: string;
    readonly head: string;
    readonly title?: string;
    readonly body?: string;
    readonly fork?: string;
  }): Promise<FakePull> {
    const now = new Date(1_764_000_000_000 + this.pulls.length * 1000).toISOString();
    const pull: FakePull = {
      number: this.pulls.length + 1,
      title: given.title ?? `Merge ${given.head}`,
      body: given.body ?? "",
      base: given.base,
      head: given.head,
      fork: given.fork ?? null,
      createdAt: now,
      updatedAt: now,
      state: "open",
      mergedAt: null,
      mergeSha: null,
      headSha: (await this.tip(given.head)) ?? "0".repeat(40),
    };
    this.pulls.push(pull);
    return pull;
  }

  /** Where the head of a pull request is now. */
  async headOf(pull: FakePull): Promise<string> {
    return pull.state === "open" && pull.fork === null
      ? ((await this.tip(pull.head)) ?? pull.headSha)
      : pull.headSha;
  }

  /** Merges with a commit of two parents. Null: there are conflicts. */
  async merge(pull: FakePull): Promise<string | null> {
    const [base, head] = [await this.tip(pull.base), await this.headOf(pull)];
    const { stdout: tree, code } = await this.run(["merge-tree", "--write-tree", base ?? "", head]);
    if (code !== 0) {
      return null;
    }
    const sha = await git(this.directory, [
      "commit-tree",
      tree.trim(),
      ...["-p", base ?? "", "-p", head, "-m", `Merge pull request #${pull.number}`],
    ]);
    await this.move(pull.base, sha);
    this.close(pull, sha, head);
    return sha;
  }

  /** What GitHub does when commits of a pull request appear in its base: it counts as merged. */
  async noteMoved(branch: string, sha: string): Promise<void> {
    for (const pull of this.pulls.filter((one) => one.state === "open" && one.base === branch)) {
      const head = await this.headOf(pull);
      const { code } = await this.run(["merge-base", "--is-ancestor", head, sha]);
      if (code === 0) {
        this.close(pull, head, head);
      }
    }
  }

  private close(pull: FakePull, mergeSha: string, headSha: string): void {
    const at = new Date(1_764_100_000_000 + pull.number * 1000).toISOString();
    Object.assign(pull, { state: "closed", mergedAt: at, updatedAt: at, mergeSha, headSha });
  }

  /** Every branch and tag with what it points at. Read from the files, because the fake is asked about hundreds. */
  async refs(): Promise<ReadonlyMap<string, string>> {
    const refs = new Map<string, string>();
    const packed = await readFile(join(this.directory, "packed-refs"), "utf8").catch(() => "");
    for (const [, sha = "", name = ""] of packed.matchAll(/^([0-9a-f]{40}) (refs\/\S+)$/gm)) {
      refs.set(name, sha);
    }
    const root = join(this.directory, "refs");
    const files = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const file of files.filter((one) => one.isFile() && !one.name.endsWith(".lock"))) {
      const path = join(file.parentPath, file.name);
      const text = await readFile(path, "utf8").catch(() => "");
      refs.set(`refs${path.slice(root.length)}`, text.trim());
    }
    return new Map([...refs].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async isEmpty(): Promise<boolean> {
    return (await this.refs()).size === 0;
  }

  /** `commit`, `tag`, `tree`, `blob`, or null for what is not there. */
  async typeOf(sha: string): Promise<string | null> {
    const known = this.#types.get(sha);
    if (known !== undefined) {
      return known;
    }
    const { stdout, code } = await this.run(["cat-file", "-t", sha]);
    if (code !== 0) {
      return null;
    }
    this.#types.set(sha, stdout.trim());
    return stdout.trim();
  }

  /** Output of a git command whose arguments are all ids: it has one answer, whichever repository has these objects. */
  async known(...args: readonly string[]): Promise<string> {
    const key = args.join("\0");
    const present = KNOWN.get(key);
    if (present !== undefined) {
      return present;
    }
    const { stdout, code } = await this.run(args);
    if (code === 0) {
      KNOWN.set(key, stdout);
    }
    return stdout;
  }

  /** Runs git; an exit code is an answer. */
  run(args: readonly string[]): Promise<{ readonly stdout: string; readonly code: number }> {
    return new Promise((resolve) => {
      execFile(
        "git",
        ["-C", this.directory, ...args],
        {
          maxBuffer: 256 * 1024 * 1024,
          env: {
            PATH: "/usr/bin:/bin:/usr/local/bin",
            GIT_CONFIG_NOSYSTEM: "1",
            HOME: "/nonexistent",
          },
        },
        (error, stdout) => {
          resolve({ stdout, code: error === null ? 0 : Number(error.code ?? 128) });
        },
      );
    });
  }

  /** The files that differ between two commits, as the comparison shows them. */
  async changes(from: string, to: string): Promise<readonly ChangedPath[]> {
    const options = ["-r", "-M", "--full-index"];
    const raw = await this.known("diff-tree", ...options, "-z", "--raw", from, to);
    const numbers = await this.known("diff-tree", ...options, "-z", "--numstat", from, to);
    const patches = await this.known("diff-tree", ...options, "-p", from, to);
    const entries = parseRaw(raw);
    const counts = parseNumbers(numbers, entries);
    const texts = `\n${patches}`.split("\ndiff --git ").slice(1);
    return entries.map((entry, index) => {
      const [additions = 0, deletions = 0, isBinary = false] = counts[index] ?? [];
      const text = texts[index] ?? "";
      const start = text.search(/^@@ /m);
      const patch = start < 0 ? undefined : text.slice(start).replace(/\n$/, "");
      return { ...entry, additions, deletions, patch: isBinary ? undefined : patch };
    });
  }

  /** Takes it away, as deleting on the settings page does. */
  async destroy(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Makes an empty bare repository, or a copy of another one. */
export async function makeRepository(
  id: number,
  fullName: string,
  root: string,
  copyOf: FakeRepository | undefined,
): Promise<FakeRepository> {
  const directory = join(root, `${id}`, `${fullName.replace("/", "-")}.git`);
  await mkdir(dirname(directory), { recursive: true });
  if (copyOf === undefined) {
    await initRepository(directory, "bare");
    // Never run, and a third of what a copy would have to copy.
    await rm(join(directory, "hooks"), { recursive: true, force: true });
  } else {
    const temporary = `${directory}.new`;
    await cp(copyOf.directory, temporary, { recursive: true });
    await rename(temporary, directory);
  }
  return new FakeRepository(id, fullName, directory, copyOf);
}

const STATUSES: Readonly<Record<string, string>> = {
  A: "added",
  C: "copied",
  D: "removed",
  M: "modified",
  R: "renamed",
  T: "changed",
};

function parseRaw(output: string) {
  const fields = output.split("\0").filter((field) => field !== "");
  const entries: Omit<ChangedPath, "additions" | "deletions" | "patch">[] = [];
  while (fields.length > 0) {
    const [, , oldOid = "", newOid = "", letter = ""] = (fields.shift() ?? "").split(" ");
    const status = STATUSES[letter.charAt(0)] ?? "changed";
    const first = fields.shift() ?? "";
    const previous = /^[RC]/.test(letter) ? first : null;
    entries.push({
      status,
      path: previous === null ? first : (fields.shift() ?? ""),
      previous,
      oldOid,
      newOid,
    });
  }
  return entries;
}

function parseNumbers(output: string, entries: readonly { readonly previous: string | null }[]) {
  const fields = output.split("\0");
  return entries.map(({ previous }): readonly [number, number, boolean] => {
    const [added = "", deleted = ""] = (fields.shift() ?? "").split("\t");
    if (previous !== null) {
      fields.splice(0, 2);
    }
    return [Number(added) || 0, Number(deleted) || 0, added === "-"];
  });
}
