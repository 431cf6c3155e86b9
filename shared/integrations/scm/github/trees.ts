import { z } from "zod";
import type { ChangedFile } from "../../../core/ports/scm.ts";
import type { GithubClient } from "./client.ts";
import { repoPath } from "./pull-requests.ts";
import type { RepoAddress } from "./question.ts";

/** What git keeps of a file: which content it has, and as what. */
export interface FileState {
  readonly mode: string;
  readonly oid: string;
}

export interface TreeChange {
  readonly path: string;
  readonly before: FileState | null;
  readonly after: FileState | null;
}

const Tree = z.object({
  truncated: z.boolean(),
  tree: z.array(
    z.object({ path: z.string(), mode: z.string(), type: z.string(), sha: z.string() }),
  ),
});

/**
 * Every file that differs between two commits, for differences GitHub's comparison does not show whole. Null when GitHub
 * gives one of the trees only in part (more than 100,000 entries or 7 MB):
 * https://docs.github.com/en/rest/git/trees#get-a-tree
 */
export async function compareTrees(
  client: GithubClient,
  address: RepoAddress,
  fromSha: string,
  toSha: string,
  signal: AbortSignal,
): Promise<readonly TreeChange[] | null> {
  const [from, to] = await Promise.all(
    [fromSha, toSha].map(async (sha) => {
      const { data } = await client.read(
        {
          path: `${repoPath(address)}/git/trees/${sha}`,
          query: { recursive: 1 },
          schema: Tree,
          operation: "reading the changed files",
          about: `${address.owner}/${address.name}`,
        },
        signal,
      );
      return data.truncated
        ? null
        : new Map(
            data.tree
              .filter((entry) => entry.type !== "tree")
              .map((entry) => [entry.path, { mode: entry.mode, oid: entry.sha }]),
          );
    }),
  );
  if (!from || !to) {
    return null;
  }
  return [...new Set([...from.keys(), ...to.keys()])]
    .sort()
    .map((path) => ({ path, before: from.get(path) ?? null, after: to.get(path) ?? null }))
    .filter(({ before, after }) => before?.oid !== after?.oid || before?.mode !== after?.mode);
}

/** The same as people see it. A file that was moved without a change is one file; others count as removed and added. */
export function toChangedFiles(changes: readonly TreeChange[]): readonly ChangedFile[] {
  const removed = new Map<string, TreeChange[]>();
  for (const change of changes.filter(({ after }) => after === null)) {
    const oid = change.before?.oid ?? "";
    removed.set(oid, [...(removed.get(oid) ?? []), change]);
  }
  const moved = new Set<TreeChange>();
  const files = changes.flatMap((change): readonly ChangedFile[] => {
    const { path, before, after } = change;
    if (after === null) {
      return [];
    }
    if (before !== null) {
      return [{ path, change: "modified" }];
    }
    const source = removed.get(after.oid)?.shift();
    if (source === undefined) {
      return [{ path, change: "added" }];
    }
    moved.add(source);
    return [{ path, change: "renamed" }];
  });
  const gone = changes
    .filter((change) => change.after === null && !moved.has(change))
    .map(({ path }) => ({ path, change: "removed" as const }));
  return [...files, ...gone].sort((a, b) => (a.path < b.path ? -1 : 1));
}
