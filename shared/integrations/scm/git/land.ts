import type { Landed } from "../../../core/ports/scm.ts";
import { complaint, RepositoryFailed, sortGitFailure } from "./failures.ts";
import { parseWorktrees } from "./parse.ts";
import { requireBranch, requireRefs, type OpenRepository } from "./refs.ts";
import { findGitDirectory } from "./repositories.ts";
import { credentialSettings, type RemoteUrl } from "./remote-url.ts";

/** Somebody else may move the branch between looking and moving; more often than this it is not chance. */
const MOST_ATTEMPTS = 3;

/** How one attempt to move the branch ended: `moved` by us, or `lost` to whatever `why` says. */
type Attempt = { readonly moved: true } | { readonly moved: false; readonly why: string };

/**
 * Moves `branch` to exactly `sha` when that is a fast-forward, comparing and setting in one step: whoever else moves the
 * branch meanwhile is noticed, and nothing is ever overwritten. `open` gives the repository as it is now; for one known by
 * address the move is a push without force.
 */
export async function landBranch(
  open: () => Promise<OpenRepository>,
  remote: RemoteUrl | null,
  branch: string,
  sha: string,
): Promise<Landed> {
  let why = "";
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
    const repository = await open();
    const branchSha = await requireBranch(repository, branch);
    await requireRefs(repository, [sha]);
    if (branchSha === sha) {
      return { outcome: attempt === 1 ? "already_there" : "landed", sha };
    }
    if (!(await isAncestor(repository, branchSha, sha))) {
      return { outcome: "diverged", branchSha };
    }
    const result =
      remote === null
        ? await moveHere(repository, branch, branchSha, sha)
        : await push(repository, remote, branch, sha);
    if (result.moved) {
      return { outcome: "landed", sha };
    }
    why = result.why;
  }
  throw new RepositoryFailed({
    code: "repository_unreadable",
    reason: `"${branch}" of the repository cannot be moved: ${why}.`,
    remedy: "Remove what is in the way, then try again.",
  });
}

async function isAncestor(repository: OpenRepository, old: string, sha: string): Promise<boolean> {
  const { exitCode } = await repository.git.run({
    ...repository,
    args: ["merge-base", "--is-ancestor", old, sha],
    operation: "looking whether the branch has moved on",
    accept: [0, 1],
  });
  return exitCode === 0;
}

async function moveHere(
  repository: OpenRepository,
  branch: string,
  old: string,
  sha: string,
): Promise<Attempt> {
  const checkout = await findCheckout(repository, branch);
  if (checkout === undefined) {
    return updateRef(repository, branch, old, sha);
  }
  await prepareCheckout(checkout, old, sha);
  const result = await updateRef(repository, branch, old, sha);
  if (!result.moved) {
    await readTree(checkout, sha, old);
  }
  return result;
}

async function updateRef(
  repository: OpenRepository,
  branch: string,
  old: string,
  sha: string,
): Promise<Attempt> {
  const { exitCode, stderr } = await repository.git.run({
    ...repository,
    args: ["update-ref", "-m", "slipway: landed", `refs/heads/${branch}`, sha, old],
    operation: "moving the branch",
    accept: [0, 1, 128],
  });
  return exitCode === 0 ? { moved: true } : { moved: false, why: complaint(stderr) };
}

async function push(
  repository: OpenRepository,
  remote: RemoteUrl,
  branch: string,
  sha: string,
): Promise<Attempt> {
  const { exitCode, stdout, stderr } = await repository.git.run({
    ...repository,
    args: [
      "push",
      "--porcelain",
      "--no-verify",
      "--no-signed",
      "--no-follow-tags",
      "--recurse-submodules=no",
      "--",
      remote.address,
      `${sha}:refs/heads/${branch}`,
    ],
    operation: `pushing to ${remote.address}`,
    accept: [0, 1],
    isRemote: true,
    secretSettings: credentialSettings(remote),
  });
  if (exitCode === 0) {
    return { moved: true };
  }
  const refusal = /^!\t[^\t]*\t\[[^\]]*\] ?(.*)$/m.exec(stdout)?.[1];
  if (refusal === undefined) {
    throw new RepositoryFailed(
      sortGitFailure({ operation: `pushing to ${remote.address}`, stderr }),
    );
  }
  const said = stderr.split("\n").find((line) => line.startsWith("remote: error:"));
  return { moved: false, why: complaint(said ?? refusal.replace(/^\((.*)\)$/, "$1")) };
}

/** A work tree that has the branch checked out. */
interface Checkout extends OpenRepository {
  readonly workTree: string;
}

/** Moving a branch under a work tree would make it look as if somebody had undone everything: so it is moved along. */
async function findCheckout(
  repository: OpenRepository,
  branch: string,
): Promise<Checkout | undefined> {
  const { stdout } = await repository.git.run({
    ...repository,
    args: ["worktree", "list", "--porcelain"],
    operation: "looking where the branch is checked out",
  });
  const found = parseWorktrees(stdout).find((worktree) => worktree.branch === branch);
  return found === undefined
    ? undefined
    : { ...repository, workTree: found.path, gitDirectory: await findGitDirectory(found.path) };
}

/**
 * Brings a clean work tree from `old` to `sha`, or refuses without touching it. After a crash between this and moving the
 * branch, the work tree is found as this leaves it, and that counts as clean.
 */
async function prepareCheckout(checkout: Checkout, old: string, sha: string): Promise<void> {
  const { exitCode: hasFilters } = await checkout.git.run({
    ...checkout,
    args: ["config", "--includes", "--get-regexp", "^filter\\..*\\.(clean|smudge|process)$"],
    operation: "reading the configuration",
    accept: [0, 1],
  });
  if (hasFilters === 0) {
    throw inTheWay(checkout, "its configuration would run filter programs");
  }
  const refreshed = await checkout.git.run({
    ...checkout,
    args: ["update-index", "-q", "--refresh", "--ignore-submodules"],
    operation: "looking at the work tree",
    accept: [0, 1, 128],
  });
  if (refreshed.exitCode === 128) {
    throw inTheWay(checkout, complaint(refreshed.stderr));
  }
  const { stdout: status } = await checkout.git.run({
    ...checkout,
    args: ["status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all"],
    operation: "looking at the work tree",
  });
  if (status === "") {
    await readTree(checkout, old, sha);
  } else if (!(await isPrepared(checkout, sha))) {
    throw inTheWay(checkout, "it has changes that are not committed");
  }
}

/** Whether index and files are already as in `sha`. */
async function isPrepared(checkout: Checkout, sha: string): Promise<boolean> {
  const answers = [
    ["diff-index", "--cached", "--quiet", "--ignore-submodules=all", sha, "--"],
    ["diff-files", "--quiet", "--ignore-submodules=all"],
  ].map((args) =>
    checkout.git.run({
      ...checkout,
      args,
      operation: "looking at the work tree",
      accept: [0, 1],
    }),
  );
  return (await Promise.all(answers)).every((answer) => answer.exitCode === 0);
}

/** Brings index and files from one commit to another; git refuses when anything of somebody else's would be lost. */
async function readTree(checkout: Checkout, from: string, to: string): Promise<void> {
  const { exitCode, stderr } = await checkout.git.run({
    ...checkout,
    args: ["read-tree", "-m", "-u", from, to],
    operation: "updating the work tree",
    accept: [0, 128],
  });
  if (exitCode !== 0) {
    throw inTheWay(checkout, complaint(stderr));
  }
}

function inTheWay(checkout: Checkout, why: string): RepositoryFailed {
  return new RepositoryFailed({
    code: "repository_unreadable",
    reason: `the branch is checked out in ${checkout.workTree}, and ${why}.`,
    remedy: "Commit or put away what is there, or check out another branch, then try again.",
  });
}
