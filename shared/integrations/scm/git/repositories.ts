import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { RepositoryFailed } from "./failures.ts";
import type { GitOptions } from "./options.ts";
import { parseRemoteUrl, remoteName, type RemoteUrl } from "./remote-url.ts";

/** A repository by address, as the configuration names it. */
export interface Remote extends RemoteUrl {
  readonly name: string;
}

/** Folders of the configured root that are repositories, by name. `path` is the folder people know. */
export async function discoverRepositories(
  root: string,
): Promise<readonly { readonly name: string; readonly path: string }[]> {
  if (await isRepository(root)) {
    return [{ name: repositoryName(root), path: root }];
  }
  const entries = await readdir(root).catch((error: unknown) => {
    throw new RepositoryFailed(
      {
        code: "unavailable",
        reason: `the folder ${root} cannot be read (${errorCode(error)}).`,
        remedy: "Check `root` in config.yaml, and that Slipway may read that folder.",
      },
      error,
    );
  });
  const found = await Promise.all(
    entries
      .filter((entry) => !entry.startsWith("."))
      .map(async (entry) => {
        const path = join(root, entry);
        return (await isRepository(path)) ? [{ name: repositoryName(entry), path }] : [];
      }),
  );
  const byName = new Map<string, { readonly name: string; readonly path: string }>();
  // `api` and `api.git` beside each other: the first, which is the work tree, is the one people mean.
  for (const repository of found.flat().sort((a, b) => (a.path < b.path ? -1 : 1))) {
    byName.set(repository.name, byName.get(repository.name) ?? repository);
  }
  return [...byName.values()];
}

/** Repositories by address, in the order of the configuration. */
export function configuredRemotes(options: GitOptions): readonly Remote[] {
  return [
    ...(options.url === undefined ? [] : [{ text: options.url, name: options.name }]),
    ...(options.urls ?? []).map((text) => ({ text, name: undefined })),
  ].flatMap(({ text, name }) => {
    const remote = parseRemoteUrl(text);
    return "why" in remote ? [] : [{ ...remote, name: name ?? remoteName(remote.address) }];
  });
}

/**
 * The repository's own directory. Looked for exactly where it must be: git itself would go up to a repository that happens
 * to lie around this folder, and answer for that one.
 */
export async function findGitDirectory(path: string): Promise<string> {
  const [inside, itself] = [await lookAt(join(path, ".git")), await lookAt(path)];
  if (itself === "missing") {
    throw new RepositoryFailed({
      code: "repository_missing",
      reason: `there is no folder ${path}.`,
      remedy: "Check that the repository was not moved or deleted.",
    });
  }
  if (inside === "refused" || itself === "refused") {
    throw new RepositoryFailed({
      code: "repository_unreadable",
      reason: `the folder ${path} cannot be looked into.`,
      remedy: "Give the user Slipway runs as the right to read it.",
    });
  }
  const directory = inside === "there" ? join(path, ".git") : path;
  if ((await lookAt(join(directory, "shallow"))) === "there") {
    throw new RepositoryFailed({
      code: "repository_unreadable",
      reason: `${path} is a shallow copy, so its history cannot be compared.`,
      remedy: "Complete it with `git fetch --unshallow`.",
    });
  }
  return directory;
}

/** `file:` address of a folder, with every special character of its path encoded. */
export function folderUrl(path: string): string {
  return pathToFileURL(path).href;
}

/** A work tree, a bare repository, or a folder that cannot be looked into and so must not be left out silently. */
async function isRepository(path: string): Promise<boolean> {
  const git = await lookAt(join(path, ".git"));
  if (git !== "missing") {
    return true;
  }
  const parts = await Promise.all(
    ["HEAD", "objects", "refs"].map((part) => lookAt(join(path, part))),
  );
  return parts.every((part) => part === "there");
}

async function lookAt(path: string): Promise<"there" | "missing" | "refused"> {
  try {
    await stat(path);
    return "there";
  } catch (error) {
    return ["ENOENT", "ENOTDIR", "ELOOP"].includes(errorCode(error)) ? "missing" : "refused";
  }
}

function repositoryName(path: string): string {
  return basename(path).replace(/\.git$/, "") || basename(path);
}

function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
