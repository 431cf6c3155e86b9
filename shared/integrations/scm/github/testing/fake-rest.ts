import type { FakeRepository, FakePull } from "./fake-repository.ts";
import { notFound, ok, paginate, refusal, type FakeAnswer, type FakeCall } from "./fake-http.ts";

/** "Lists the most recent 250 commits" without paging, "up to 300 changed files": https://docs.github.com/en/rest/commits/commits#compare-two-commits */
const UNPAGED_COMMITS = 250;
const MOST_FILES = 300;
/** https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits#diff-limits */
const LARGEST_PATCH_LINES = 20_000;
const LARGEST_PATCH_BYTES = 500 * 1024;
/** https://docs.github.com/en/rest/commits/statuses#create-a-commit-status and deployments */
const LONGEST_DESCRIPTION = 140;

export interface RestSettings {
  /** Entries of a tree before it comes truncated. */
  readonly treeLimit: number;
  /** Lines after which patches are cut, as happens for some large files; null: they are whole. */
  readonly cutPatchesAfter: number | null;
  readonly nextId: () => number;
}

/** Answers what is below `/repos/{owner}/{repo}`. `rest` are the parts behind it. */
export async function answerRepository(
  repository: FakeRepository,
  call: FakeCall,
  rest: readonly string[],
  settings: RestSettings,
): Promise<FakeAnswer> {
  const { method } = call;
  if (repository.isDisabled) {
    return refusal(403, "Repository access blocked");
  }
  // https://docs.github.com/en/repositories/archiving-a-github-repository
  if (method !== "GET" && repository.isArchived) {
    return refusal(403, "Repository was archived so is read-only.");
  }
  const [first, second, third] = rest;
  const tail = (from: number) => rest.slice(from).join("/");
  switch (`${method} ${first ?? ""} ${first === "git" ? second : ""}`.trim()) {
    case "GET":
      return ok(presentRepository(repository, call));
    case "GET compare":
      return compare(repository, call, tail(1), settings);
    case "GET git ref":
      return oneRef(repository, `refs/${tail(2)}`);
    case "GET git matching-refs":
      return matchingRefs(repository, `refs/${tail(2)}`);
    case "PATCH git refs":
      return moveRef(repository, call, `refs/${tail(2)}`);
    case "GET git commits":
      return commitObject(repository, third ?? "");
    case "GET git trees":
      return tree(repository, call, third ?? "", settings);
    case "GET git blobs":
      return blob(repository, third ?? "");
    case "GET pulls":
      return listPulls(repository, call);
    case "POST pulls":
      return openPull(repository, call);
    case "PUT pulls":
      return mergePull(repository, call, Number(second));
    case "GET commits":
      return third === "status" ? combinedStatus(repository, call, second ?? "") : notFound();
    case "POST statuses":
      return addStatus(repository, call, second ?? "");
    case "POST deployments":
      return third === "statuses"
        ? addDeploymentStatus(repository, call, Number(second), settings)
        : addDeployment(repository, call, settings);
    default:
      return notFound();
  }
}

export function presentRepository(repository: FakeRepository, { web }: Pick<FakeCall, "web">) {
  const { id, fullName, name, owner, isArchived, isDisabled, topics } = repository;
  return {
    id,
    node_id: `R_${id}`,
    name,
    full_name: fullName,
    private: true,
    owner: { login: owner, type: "Organization" },
    html_url: `${web}/${fullName}`,
    archived: isArchived,
    disabled: isDisabled,
    topics,
    default_branch: "main",
  };
}

async function resolve(repository: FakeRepository, name: string): Promise<string | null> {
  const refs = await repository.refs();
  const sha =
    refs.get(`refs/heads/${name}`) ??
    refs.get(`refs/tags/${name}`) ??
    (/^[0-9a-f]{40}$/.test(name) ? name : undefined);
  if (sha === undefined) {
    return null;
  }
  const type = await repository.typeOf(sha);
  if (type === "tag") {
    return (await repository.known("rev-parse", `${sha}^{commit}`)).trim();
  }
  return type === "commit" ? sha : null;
}

async function compare(
  repository: FakeRepository,
  call: FakeCall,
  pair: string,
  settings: RestSettings,
): Promise<FakeAnswer> {
  const [baseName = "", headName = ""] = pair.split("...");
  const [base, head] = [await resolve(repository, baseName), await resolve(repository, headName)];
  if (base === null || head === null) {
    return notFound();
  }
  const mergeBase = (await repository.known("merge-base", base, head)).trim();
  if (mergeBase === "") {
    return refusal(404, `No common ancestor between ${baseName} and ${headName}.`);
  }
  const counts = await repository.known("rev-list", "--left-right", "--count", `${base}...${head}`);
  const [behind = 0, ahead = 0] = counts.trim().split("\t").map(Number);
  const all = (await repository.known("rev-list", "--reverse", `${base}..${head}`))
    .split("\n")
    .filter((line) => line !== "");
  if (all.some((sha) => !COMMITS.has(sha))) {
    await readCommits(repository, [`${base}..${head}`]);
  }
  const isPaged = call.query.has("page") || call.query.has("per_page");
  const size = Math.min(100, Number(call.query.get("per_page") ?? 30));
  const page = Number(call.query.get("page") ?? 1);
  const shown = isPaged ? all.slice((page - 1) * size, page * size) : all.slice(-UNPAGED_COMMITS);
  const files =
    isPaged && page > 1
      ? undefined
      : (await repository.changes(mergeBase, head))
          .slice(0, MOST_FILES)
          .map((file) => presentFile(file, settings));
  return ok({
    url: `${call.root}/${call.parts.join("/")}`,
    base_commit: await presentCommit(repository, base, call),
    merge_base_commit: await presentCommit(repository, mergeBase, call),
    status: statusWord(ahead, behind),
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    commits: await Promise.all(shown.map((sha) => presentCommit(repository, sha, call))),
    ...(files === undefined ? {} : { files }),
  });
}

function statusWord(ahead: number, behind: number): string {
  if (ahead > 0) {
    return behind > 0 ? "diverged" : "ahead";
  }
  return behind > 0 ? "behind" : "identical";
}

function presentFile(
  file: Awaited<ReturnType<FakeRepository["changes"]>>[number],
  { cutPatchesAfter }: RestSettings,
) {
  const lines = file.patch?.split("\n") ?? [];
  const isShown =
    file.patch !== undefined &&
    lines.length <= LARGEST_PATCH_LINES &&
    Buffer.byteLength(file.patch) <= LARGEST_PATCH_BYTES;
  return {
    sha: file.status === "removed" ? file.oldOid : file.newOid,
    filename: file.path,
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    ...(file.previous === null ? {} : { previous_filename: file.previous }),
    ...(isShown ? { patch: lines.slice(0, cutPatchesAfter ?? undefined).join("\n") } : {}),
  };
}

const COMMIT_FIELDS = ["H", "T", "P", "an", "ae", "aI", "cn", "ce", "cI", "B"];

interface CommitText {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: { readonly name: string; readonly email: string; readonly date: string };
  readonly committer: { readonly name: string; readonly email: string; readonly date: string };
  readonly message: string;
}

/** Commits that were read, by id: the same id is the same commit everywhere. */
const COMMITS = new Map<string, CommitText>();

/** Author, committer and message of a commit. */
export async function readCommit(repository: FakeRepository, sha: string): Promise<CommitText> {
  if (!COMMITS.has(sha)) {
    await readCommits(repository, ["--no-walk", sha]);
  }
  const found = COMMITS.get(sha);
  if (found === undefined) {
    throw new Error(`the fake has no commit ${sha}`);
  }
  return found;
}

/** Reads many at once, so that comparing thousands does not start thousands of processes. */
async function readCommits(repository: FakeRepository, which: readonly string[]): Promise<void> {
  const format = COMMIT_FIELDS.map((field) => `%${field}`).join("%x00");
  const { stdout } = await repository.run([
    ...["log", "-z", "--encoding=UTF-8", "--no-mailmap", `--format=${format}`, ...which],
  ]);
  const fields = stdout.split("\0");
  for (let at = 0; at + COMMIT_FIELDS.length <= fields.length; at += COMMIT_FIELDS.length) {
    const [
      sha = "",
      tree = "",
      parents = "",
      an = "",
      ae = "",
      ad = "",
      cn = "",
      ce = "",
      cd = "",
      body = "",
    ] = fields.slice(at);
    COMMITS.set(sha, {
      tree,
      parents: parents.split(" ").filter((parent) => parent !== ""),
      author: { name: an, email: ae, date: new Date(ad).toISOString() },
      committer: { name: cn, email: ce, date: new Date(cd).toISOString() },
      message: body.replace(/\n+$/, ""),
    });
  }
}

async function presentCommit(repository: FakeRepository, sha: string, { root, web }: FakeCall) {
  const { tree: treeSha, parents, author, committer, message } = await readCommit(repository, sha);
  return {
    sha,
    node_id: `C_${sha}`,
    html_url: `${web}/${repository.fullName}/commit/${sha}`,
    url: `${root}/repos/${repository.fullName}/commits/${sha}`,
    commit: { author, committer, message, tree: { sha: treeSha } },
    author: null,
    committer: null,
    parents: parents.map((parent) => ({ sha: parent })),
  };
}

async function presentRef(repository: FakeRepository, ref: string, sha: string) {
  return { ref, node_id: `REF_${ref}`, object: { type: await repository.typeOf(sha), sha } };
}

/** https://docs.github.com/en/rest/git/refs: an empty repository answers 409. */
async function oneRef(repository: FakeRepository, ref: string): Promise<FakeAnswer> {
  if (await repository.isEmpty()) {
    return refusal(409, "Git Repository is empty.");
  }
  const sha = (await repository.refs()).get(ref);
  return sha === undefined ? notFound() : ok(await presentRef(repository, ref, sha));
}

async function matchingRefs(repository: FakeRepository, prefix: string): Promise<FakeAnswer> {
  const refs = [...(await repository.refs())].filter(([name]) => name.startsWith(prefix));
  return ok(await Promise.all(refs.map(([ref, sha]) => presentRef(repository, ref, sha))));
}

async function moveRef(repository: FakeRepository, { body }: FakeCall, ref: string) {
  const [sha, force] = [String(body["sha"]), body["force"] === true];
  const branch = ref.replace("refs/heads/", "");
  const current = (await repository.refs()).get(ref);
  if (current === undefined) {
    return refusal(422, "Reference does not exist");
  }
  if ((await repository.typeOf(sha)) !== "commit") {
    return refusal(422, "Object does not exist");
  }
  const rule = repository.rules.get(branch)?.update;
  if (rule !== undefined) {
    // https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/managing-rulesets/available-rules-for-rulesets
    return refusal(422, rule);
  }
  const { code } = await repository.run(["merge-base", "--is-ancestor", current, sha]);
  if (code !== 0 && !force) {
    return refusal(422, "Update is not a fast forward");
  }
  const moved = await repository.run(["update-ref", ref, sha, current]);
  if (moved.code !== 0) {
    return refusal(409, "Reference cannot be updated");
  }
  await repository.noteMoved(branch, sha);
  return ok(await presentRef(repository, ref, sha));
}

async function commitObject(repository: FakeRepository, sha: string): Promise<FakeAnswer> {
  if (!/^[0-9a-f]{40}$/.test(sha) || (await repository.typeOf(sha)) !== "commit") {
    return (await repository.isEmpty()) ? refusal(409, "Git Repository is empty.") : notFound();
  }
  const { tree: treeSha, parents, author, committer, message } = await readCommit(repository, sha);
  return ok({
    sha,
    tree: { sha: treeSha },
    parents: parents.map((parent) => ({ sha: parent })),
    author,
    committer,
    message,
  });
}

/** "100,000 entries with a maximum size of 7 MB when using the recursive parameter": https://docs.github.com/en/rest/git/trees */
async function tree(
  repository: FakeRepository,
  { query }: FakeCall,
  name: string,
  { treeLimit }: RestSettings,
): Promise<FakeAnswer> {
  const sha = await resolve(repository, name);
  if (sha === null) {
    return notFound();
  }
  const recursive = query.has("recursive") ? ["-r", "-t"] : [];
  const output = await repository.known("ls-tree", ...recursive, "-z", sha);
  const entries = output
    .split("\0")
    .filter((line) => line !== "")
    .map((line) => {
      const [, mode = "", type = "", oid = "", path = ""] =
        /^(\d+) (\w+) ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
      return { path, mode, type, sha: oid };
    });
  return ok({ sha, tree: entries.slice(0, treeLimit), truncated: entries.length > treeLimit });
}

async function readBlob(repository: FakeRepository, oid: string): Promise<Buffer> {
  const { execFileSync } = await import("node:child_process");
  return execFileSync("git", ["-C", repository.directory, "cat-file", "blob", oid], {
    maxBuffer: 256 * 1024 * 1024,
  });
}

async function blob(repository: FakeRepository, oid: string): Promise<FakeAnswer> {
  if ((await repository.typeOf(oid)) !== "blob") {
    return notFound();
  }
  const bytes = await readBlob(repository, oid);
  return ok({ sha: oid, size: bytes.length, encoding: "base64", content: wrapped(bytes) });
}

/** GitHub breaks base64 into lines. */
function wrapped(bytes: Buffer): string {
  return bytes.toString("base64").replace(/(.{60})/g, "$1\n");
}

async function presentPull(repository: FakeRepository, pull: FakePull, { web }: FakeCall) {
  const side = (ref: string, sha: string, fullName: string) => ({
    ref,
    sha,
    label: `${fullName.split("/")[0] ?? ""}:${ref}`,
    repo: { full_name: fullName },
  });
  return {
    number: pull.number,
    state: pull.state,
    title: pull.title,
    body: pull.body,
    html_url: `${web}/${repository.fullName}/pull/${pull.number}`,
    created_at: pull.createdAt,
    updated_at: pull.updatedAt,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeSha,
    head: side(pull.head, await repository.headOf(pull), pull.fork ?? repository.fullName),
    base: side(pull.base, (await repository.tip(pull.base)) ?? "", repository.fullName),
  };
}

/** https://docs.github.com/en/rest/pulls/pulls#list-pull-requests */
async function listPulls(repository: FakeRepository, call: FakeCall): Promise<FakeAnswer> {
  const { query } = call;
  const [state, base, head] = [query.get("state") ?? "open", query.get("base"), query.get("head")];
  const byTime = query.get("sort") === "updated" ? "updatedAt" : "createdAt";
  const found = repository.pulls
    .filter((pull) => state === "all" || pull.state === state)
    .filter((pull) => base === null || pull.base === base)
    .filter((pull) => {
      const owner = (pull.fork ?? repository.fullName).split("/")[0] ?? "";
      return head === null || head === `${owner}:${pull.head}`;
    })
    .sort((a, b) => (a[byTime] < b[byTime] ? -1 : 1));
  const ordered = query.get("direction") === "asc" ? found : found.reverse();
  return paginate(
    await Promise.all(ordered.map((pull) => presentPull(repository, pull, call))),
    call,
  );
}

/** https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request */
async function openPull(repository: FakeRepository, call: FakeCall): Promise<FakeAnswer> {
  const [base, head] = [String(call.body["base"]), String(call.body["head"])];
  const invalid = (field: string) =>
    refusal(422, "Validation Failed", [{ resource: "PullRequest", field, code: "invalid" }]);
  const [baseSha, headSha] = [await repository.tip(base), await repository.tip(head)];
  if (baseSha === undefined || headSha === undefined) {
    return invalid(headSha === undefined ? "head" : "base");
  }
  const custom = (message: string) =>
    refusal(422, "Validation Failed", [{ resource: "PullRequest", code: "custom", message }]);
  if (
    repository.pulls.some(
      (one) => one.state === "open" && one.base === base && one.head === head && one.fork === null,
    )
  ) {
    return custom(`A pull request already exists for ${repository.owner}:${head}.`);
  }
  if ((await repository.known("rev-list", "-n", "1", `${baseSha}..${headSha}`)) === "") {
    return custom(`No commits between ${base} and ${head}`);
  }
  const pull = await repository.openPull({
    base,
    head,
    title: String(call.body["title"]),
    body: textOf(call.body["body"], ""),
  });
  return ok(await presentPull(repository, pull, call), 201);
}

/** https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request */
async function mergePull(repository: FakeRepository, call: FakeCall, number: number) {
  const pull = repository.pulls.find((one) => one.number === number);
  if (pull === undefined) {
    return notFound();
  }
  if (pull.state !== "open") {
    return refusal(405, "Pull Request is not mergeable");
  }
  const { sha, merge_method: method = "merge" } = call.body;
  if (sha !== undefined && sha !== (await repository.headOf(pull))) {
    return refusal(409, "Head branch was modified. Review and try the merge again.");
  }
  const rule = repository.rules.get(pull.base)?.merge;
  if (rule !== undefined) {
    return refusal(405, rule);
  }
  if (method === "merge" && !repository.allowsMergeCommits) {
    return refusal(405, "Merge commits are not allowed on this repository.");
  }
  const merged = await repository.merge(pull);
  return merged === null
    ? refusal(405, "Pull Request is not mergeable")
    : ok({ sha: merged, merged: true, message: "Pull Request successfully merged" });
}

function combinedStatus(repository: FakeRepository, call: FakeCall, sha: string): FakeAnswer {
  const all = repository.statuses.get(sha) ?? [];
  const newest = [...new Map(all.map((status) => [status.context, status])).values()];
  return paginate(newest, call, (page) => ({
    sha,
    state: "pending",
    total_count: newest.length,
    statuses: page.map(({ context, state, description, targetUrl }) => ({
      context,
      state,
      description,
      target_url: targetUrl,
    })),
  }));
}

async function addStatus(repository: FakeRepository, { body }: FakeCall, sha: string) {
  if (!/^[0-9a-f]{40}$/.test(sha) || (await repository.typeOf(sha)) !== "commit") {
    return refusal(422, `No commit found for SHA: ${sha}`);
  }
  const { context = "default", state, description = null, target_url: targetUrl = null } = body;
  if (!["error", "failure", "pending", "success"].includes(String(state))) {
    return refusal(422, "Validation Failed", [
      { resource: "Status", field: "state", code: "invalid" },
    ]);
  }
  if (typeof description === "string" && description.length > LONGEST_DESCRIPTION) {
    return refusal(422, "Validation Failed", [
      {
        resource: "Status",
        code: "custom",
        message: "description is too long (maximum is 140 characters)",
      },
    ]);
  }
  const status = { context, state, description, targetUrl } as {
    context: string;
    state: string;
    description: string | null;
    targetUrl: string | null;
  };
  repository.statuses.set(sha, [...(repository.statuses.get(sha) ?? []), status]);
  return ok({ context, state, description, target_url: targetUrl }, 201);
}

/** https://docs.github.com/en/rest/deployments/deployments#create-a-deployment */
async function addDeployment(
  repository: FakeRepository,
  { body }: FakeCall,
  settings: RestSettings,
) {
  const ref = String(body["ref"]);
  const sha = await resolve(repository, ref);
  if (sha === null) {
    return refusal(422, `No ref found for: ${ref}`);
  }
  const contexts = body["required_contexts"];
  // Left out, all statuses have to be green: "Conflict: Commit status checks failed".
  if (contexts === undefined) {
    return refusal(409, "Conflict: Commit status checks failed for master.");
  }
  if (textOf(body["description"], "").length > LONGEST_DESCRIPTION) {
    return refusal(422, "Validation Failed");
  }
  const id = settings.nextId();
  repository.deployments.push({
    id,
    sha,
    environment: textOf(body["environment"], "production"),
    description: textOf(body["description"], ""),
    payload: body["payload"] ?? "",
    requiredContexts: contexts as readonly string[],
    statuses: [],
  });
  return ok({ id, sha, ref, payload: body["payload"] ?? "" }, 201);
}

/** https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status */
function addDeploymentStatus(
  repository: FakeRepository,
  { body }: FakeCall,
  id: number,
  settings: RestSettings,
): FakeAnswer {
  const deployment = repository.deployments.find((one) => one.id === id);
  if (deployment === undefined) {
    return notFound();
  }
  const state = String(body["state"]);
  const states = ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"];
  if (!states.includes(state)) {
    return refusal(422, "Validation Failed");
  }
  // "Adds a new inactive status to all prior non-transient, non-production environment deployments"
  if (
    state === "success" &&
    body["auto_inactive"] !== false &&
    deployment.environment !== "production"
  ) {
    for (const other of repository.deployments) {
      if (other.id < id && other.environment === deployment.environment) {
        other.statuses.push({ state: "inactive", description: "", logUrl: "" });
      }
    }
  }
  deployment.statuses.push({
    state,
    description: textOf(body["description"], ""),
    logUrl: textOf(body["log_url"], ""),
  });
  return ok({ id: settings.nextId(), state }, 201);
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
