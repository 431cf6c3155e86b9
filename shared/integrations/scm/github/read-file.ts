import { z } from "zod";
import type { GithubClient } from "./client.ts";
import { GithubFailed, missingRefFailure } from "./failures.ts";
import { encodePath, repoPath } from "./pull-requests.ts";
import type { RepoAddress } from "./question.ts";

const Contents = z.object({
  type: z.string(),
  size: z.number(),
  sha: z.string(),
  encoding: z.string().nullish(),
  content: z.string().nullish(),
});
const Blob = z.object({ encoding: z.string(), content: z.string() });

/**
 * One file at one exact commit; null when the commit has none of that name. Up to 1 MB come with the first answer, larger ones
 * as a blob: https://docs.github.com/en/rest/repos/contents#get-repository-content
 */
export async function readFileAt(
  site: {
    readonly client: GithubClient;
    readonly address: RepoAddress;
    readonly about: string;
    readonly signal: AbortSignal;
  },
  file: { readonly sha: string; readonly path: string; readonly maxBytes: number },
): Promise<Uint8Array | null> {
  const { client, address, about, signal } = site;
  const operation = `reading ${file.path.slice(0, 200)}`;
  if (!isPath(file.path)) {
    return null;
  }
  const found = await orNull(async () => {
    const { data } = await client.read(
      {
        path: `${repoPath(address)}/contents/${encodePath(file.path)}`,
        query: { ref: file.sha },
        schema: z.union([Contents, z.array(z.unknown())]),
        operation,
        about,
        accept: "application/vnd.github.object+json",
      },
      signal,
    );
    return data;
  });
  if (found === null) {
    await requireCommit();
    return null;
  }
  // A folder, a submodule: not a file.
  if (!("type" in found) || found.type !== "file") {
    return null;
  }
  if (found.size > file.maxBytes) {
    throw new GithubFailed({
      code: "repository_unreadable",
      reason: `${file.path} of ${about} has ${found.size.toLocaleString("en-US")} bytes, more than ${file.maxBytes.toLocaleString("en-US")}.`,
      remedy: "Check that it is the right file.",
    });
  }
  if (
    found.encoding === "base64" &&
    typeof found.content === "string" &&
    (found.content !== "" || found.size === 0)
  ) {
    return Buffer.from(found.content, "base64");
  }
  const { data: blob } = await client.read(
    {
      path: `${repoPath(address)}/git/blobs/${found.sha}`,
      schema: Blob,
      operation,
      about,
    },
    signal,
  );
  return Buffer.from(blob.content, blob.encoding === "base64" ? "base64" : "utf8");

  /** "Not found" is said of the file, of the commit and of the repository. Throws unless it was the file. */
  async function requireCommit(): Promise<void> {
    const commit = await orNull(async () =>
      client.read(
        {
          path: `${repoPath(address)}/git/commits/${file.sha}`,
          schema: z.object({ sha: z.string() }),
          operation,
          about,
        },
        signal,
      ),
    );
    if (commit === null) {
      await client.read({ path: repoPath(address), schema: z.unknown(), operation, about }, signal);
      throw new GithubFailed(missingRefFailure(about, file.sha, true));
    }
  }
}

async function orNull<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof GithubFailed && error.refusal?.status === 404) {
      return null;
    }
    throw error;
  }
}

/** No commit has a file of another kind of name, and in an address such a name would lead elsewhere. */
function isPath(path: string): boolean {
  return (
    path !== "" &&
    path.length <= 4096 &&
    !path.includes("\0") &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..")
  );
}
