import { RepositoryFailed } from "./failures.ts";
import { requireRefs, type OpenRepository } from "./refs.ts";

/** What an entry of a tree is that is no file, by its mode. */
const NO_FILES: Readonly<Record<string, string>> = {
  "040000": "a folder",
  "120000": "a symbolic link",
  "160000": "a submodule",
};

/**
 * One file of one commit; null when there is none. The path is looked up in the commit itself, so nothing outside the
 * repository is reached whatever it says, and links are not followed. Throws `RepositoryFailed`.
 */
export async function readFileAt(
  repository: OpenRepository,
  file: { readonly sha: string; readonly path: string; readonly maxBytes: number },
): Promise<Uint8Array | null> {
  const { path, maxBytes } = file;
  const [commit = ""] = await requireRefs(repository, [file.sha]);
  const operation = `reading ${path}`;
  const { stdout } = await repository.git.run({
    ...repository,
    args: ["--literal-pathspecs", "ls-tree", "--full-tree", "--long", "-z", commit, "--", path],
    operation,
    step: 1,
  });
  // `<mode> <type> <id> <size>\t<path>`, padded; asking for one path answers with one entry at most.
  const [facts = "", name] = (stdout.split("\0")[0] ?? "").split("\t");
  const [mode = "", , id = "", size = ""] = facts.split(/ +/);
  if (name !== path) {
    return null;
  }
  const what = NO_FILES[mode];
  if (what !== undefined) {
    throw refused(`${path} is ${what}`, "Put a plain file there.");
  }
  if (Number(size) > maxBytes) {
    throw refused(`${path} is larger than ${maxBytes} bytes`, "Make it smaller.");
  }
  const pieces: Buffer[] = [];
  await repository.git.stream(
    { ...repository, args: ["cat-file", "blob", id], operation, step: 2 },
    (piece) => pieces.push(piece),
  );
  return Buffer.concat(pieces);
}

function refused(reason: string, remedy: string): RepositoryFailed {
  return new RepositoryFailed({ code: "repository_unreadable", reason: `${reason}.`, remedy });
}
