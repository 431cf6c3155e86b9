import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import type { CommitDraft } from "../../../../testing/scm-contract.ts";

/** Commits are a minute apart, so that newest first has one meaning. */
let minutes = 0;

/** Folder of its own for one test, and a way to take it away. */
export async function makeFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "slipway scm é-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Runs real git the way a person would, with nothing of the machine's own configuration. */
export async function git(
  directory: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { stdout } = await execa("git", ["-C", directory, ...args], {
    input: input ?? "",
    env: {
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "Somebody",
      GIT_AUTHOR_EMAIL: "somebody@example.com",
      GIT_COMMITTER_NAME: "Somebody",
      GIT_COMMITTER_EMAIL: "somebody@example.com",
    },
  });
  return stdout;
}

/** Makes an empty repository. */
export async function initRepository(directory: string, kind: "bare" | "work tree"): Promise<void> {
  await execa("git", [
    "init",
    "-q",
    "-b",
    "trunk",
    ...(kind === "bare" ? ["--bare"] : []),
    directory,
  ]);
}

/** Makes one commit with exactly these files and parents, and gives its id. Work trees are left as they are. */
export async function commitTo(
  directory: string,
  branch: string,
  draft: CommitDraft,
): Promise<string> {
  minutes += 1;
  const [author, ...coAuthors] = draft.authors ?? [
    { name: "Somebody", email: "somebody@example.com" },
  ];
  const who = `${author?.name ?? ""} <${author?.email ?? ""}> ${1_760_000_000 + minutes * 60} +0000`;
  const trailers = coAuthors
    .map(({ name, email }) => `Co-authored-by: ${name} <${email}>`)
    .join("\n");
  const message = [draft.title, draft.body, trailers].filter((part) => part).join("\n\n");
  const [from, ...merged] = draft.parents ?? (await tips(directory, branch));
  const stream = [
    ...(from === undefined ? [`reset refs/heads/${branch}`] : []),
    `commit refs/heads/${branch}`,
    "mark :1",
    `author ${who}`,
    `committer ${who}`,
    data(message),
    ...(from === undefined ? [] : [`from ${from}`]),
    ...merged.map((sha) => `merge ${sha}`),
    ...Object.entries(draft.files ?? {}).flatMap(([path, content]) =>
      content === null ? [`D ${path}`] : [`M 100644 inline ${path}`, data(content)],
    ),
    "",
    "get-mark :1",
    "",
  ];
  return (await git(directory, ["fast-import", "--quiet", "--force"], stream.join("\n"))).trim();
}

async function tips(directory: string, branch: string): Promise<readonly string[]> {
  const found = await git(directory, [
    "for-each-ref",
    "--format=%(objectname)",
    `refs/heads/${branch}`,
  ]);
  return found === "" ? [] : [found];
}

function data(text: string): string {
  return `data ${Buffer.byteLength(text)}\n${text}`;
}
