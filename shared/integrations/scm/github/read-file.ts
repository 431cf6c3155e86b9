import { z } from "zod";
import { isRecord, type GithubClient } from "./client.ts";
import { GithubFailed, missingRefFailure, nonsenseFailure } from "./failures.ts";
import { repoPath } from "./pull-requests.ts";
import { createQuestion, type RepoAddress } from "./question.ts";

/** What an entry of a tree is that is no file, by its mode. */
const NO_FILES: Readonly<Record<string, string>> = {
  "40000": "a folder",
  "120000": "a symbolic link",
  "160000": "a submodule",
};

const Commit = z
  .object({
    file: z.object({ mode: z.number(), oid: z.string(), size: z.number() }).nullable(),
  })
  .nullable();
const Blob = z.object({ encoding: z.literal("base64"), content: z.string() });

/**
 * One file at one exact commit; null when the commit has none of that name. It is looked up in the commit's own tree and read
 * by its id, because the way by its path follows links and does not tell them from files:
 * https://docs.github.com/en/rest/repos/contents#get-repository-content
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
  const { path, maxBytes } = file;
  const operation = `reading ${path}`;
  const question = createQuestion();
  question.repository(address, () => {
    const entry = `file(path: ${question.variable(path)}) { mode oid size }`;
    return `object(oid: ${question.variable(file.sha, "GitObjectID!")}) { ... on Commit { ${entry} } }`;
  });
  const [answer] = await question.ask(client, { operation }, signal);
  if (answer === undefined || "failure" in answer) {
    throw new GithubFailed(answer?.failure ?? nonsenseFailure(operation));
  }
  const found = answer.data["object"];
  if (isRecord(found) && !("file" in found)) {
    throw refused(`GitHub does not give ${path} out, as with very large files`, "Make it smaller.");
  }
  const commit = Commit.safeParse(found);
  if (!commit.success) {
    throw new GithubFailed(answer.refused.get("object") ?? nonsenseFailure(operation));
  }
  if (commit.data === null) {
    throw new GithubFailed(missingRefFailure(about, file.sha, true));
  }
  const entry = commit.data.file;
  if (entry === null) {
    return null;
  }
  const what = NO_FILES[entry.mode.toString(8)];
  if (what !== undefined) {
    throw refused(`${path} is ${what}`, "Put a plain file there.");
  }
  if (entry.size > maxBytes) {
    throw refused(`${path} is larger than ${maxBytes} bytes`, "Make it smaller.");
  }
  const { data: blob } = await client.read(
    { path: `${repoPath(address)}/git/blobs/${entry.oid}`, schema: Blob, operation, about },
    signal,
  );
  return Buffer.from(blob.content, "base64");
}

function refused(reason: string, remedy: string): GithubFailed {
  return new GithubFailed({ code: "repository_unreadable", reason: `${reason}.`, remedy });
}
