import { createEmulator, type Emulator } from "emulate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RepoRef, ScmProvider } from "../../../core/ports/scm.ts";
import { createLogger } from "../../../lib/logger.ts";
import { createMemoryCache } from "../memory-cache.ts";
import { createGithubClient } from "./client.ts";
import { compareCommits } from "./compare.ts";
import { createFileStatesReader } from "./file-states.ts";
import { createGithubScm } from "./index.ts";
import { GithubOptions } from "./options.ts";
import { IN_A_HURRY } from "./testing/github-workbench.ts";

/**
 * Somebody else's idea of GitHub: what our own fake has in common with our misunderstandings, this one may not. It has no
 * GraphQL for repositories, no statuses and no limits, so only the REST half is asked here.
 */
const TOKEN = "tok_0123456789abcdef";
const never = new AbortController().signal;
const ref: RepoRef = { provider: "github:0", name: "tool", locator: "dana/tool" };

let emulator: Emulator;
let api: string;
let provider: Required<ScmProvider>;
let root: string;
let head: string;

beforeAll(async () => {
  emulator = await createEmulator({
    service: "github",
    port: 0,
    seed: {
      tokens: { [TOKEN]: { login: "dana", scopes: ["repo"] } },
      github: {
        users: [{ login: "dana", name: "Dana", email: "dana@example.com" }],
        repos: [
          { owner: "dana", name: "tool", auto_init: true },
          { owner: "dana", name: "other", auto_init: true },
        ],
        apps: [
          {
            app_id: 4711,
            slug: "slipway",
            name: "Slipway",
            installations: [{ installation_id: 99, account: "dana" }],
          },
        ],
      },
    },
  });
  api = emulator.url.replace("localhost", "127.0.0.1");
  provider = create({ token: TOKEN });
  root = (await ask("GET", "git/ref/heads/main")).object.sha;
  head = await commit("uat", root, "feat: a\n\nCo-authored-by: Bo <bo@example.com>", "one\n");
});
afterAll(async () => {
  await emulator.close();
});

function optionsFor(signIn: object) {
  // The schema wants https, or http to this machine with the path of Enterprise; the emulator has neither.
  const options = GithubOptions.parse({ user: "dana", ...signIn });
  return { ...options, base_url: api };
}

function create(signIn: object, more: object = {}): Required<ScmProvider> {
  return createGithubScm(
    { ...optionsFor(signIn), ...more },
    { id: "github:0", logger: createLogger({ level: "silent" }) },
    IN_A_HURRY,
  ) as Required<ScmProvider>;
}

interface Anything {
  readonly sha: string;
  readonly object: { readonly sha: string };
  readonly tree: { readonly sha: string };
}

/** Asks the emulator as somebody else would. */
async function ask(method: string, path: string, body?: object): Promise<Anything> {
  const response = await fetch(`${api}/repos/dana/tool/${path}`, {
    method,
    headers: { authorization: `token ${TOKEN}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  }
  return (await response.json()) as Anything;
}

async function commit(branch: string, parent: string, message: string, text: string) {
  const { tree: base } = await ask("GET", `git/commits/${parent}`);
  const blob = await ask("POST", "git/blobs", { content: text, encoding: "utf-8" });
  const tree = await ask("POST", "git/trees", {
    base_tree: base.sha,
    tree: [{ path: `${branch}.txt`, mode: "100644", type: "blob", sha: blob.sha }],
  });
  const made = await ask("POST", "git/commits", { message, tree: tree.sha, parents: [parent] });
  await ask("POST", "git/refs", { ref: `refs/heads/${branch}`, sha: made.sha });
  return made.sha;
}

describe("GitHub as others emulate it", () => {
  it("lists what is a person's", async () => {
    const listed = await provider.listRepositories(never);
    expect(listed.map(({ name }) => name).sort()).toEqual(["other", "tool"]);
  });

  it("lets an App in with its key", async () => {
    const key = emulator.generatedSecrets.find(({ id }) => id === "4711")?.value;
    const app = { id: "4711", private_key: key, installation_id: 99 };
    expect(await create({ app }).listBranches(ref, { prefix: "uat", limit: 5 }, never)).toEqual([
      { name: "uat", sha: head },
    ]);
  });

  it("lists branches by their beginning", async () => {
    expect(await provider.listBranches(ref, { prefix: "u", limit: 5 }, never)).toEqual([
      { name: "uat", sha: head },
    ]);
  });

  it("compares two commits", async () => {
    const cache = createMemoryCache();
    const client = createGithubClient(optionsFor({ token: TOKEN }), { ...IN_A_HURRY, cache });
    const states = createFileStatesReader(client, never);
    states.expect();
    const difference = await compareCommits(
      { client, cache, states },
      { owner: "dana", name: "tool" },
      root,
      head,
      never,
    );
    expect(difference).toMatchObject({
      mergeBaseSha: root,
      commitCount: 1,
      behindCount: 0,
      files: [{ path: "uat.txt", change: "added" }],
      fileCount: 1,
      truncated: false,
      isBaseUnchanged: true,
    });
    expect(difference.commits).toMatchObject([
      {
        sha: head,
        title: "feat: a",
        authors: [
          { name: "Dana", email: "dana@example.com" },
          { name: "Bo", email: "bo@example.com" },
        ],
      },
    ]);
  });

  it("opens, finds and merges a pull request, then lands what follows by moving forward", async () => {
    const request = { base: "main", head: "uat", title: "Release 12", body: "Signed." };
    expect(await provider.pullRequest(ref, "main", "uat", never)).toBeNull();
    const opened = await provider.openPullRequest(ref, request, never);
    expect(opened).toMatchObject({ state: "open", title: "Release 12" });
    expect(await provider.pullRequest(ref, "main", "uat", never)).toEqual(opened);

    const merged = await create({ token: TOKEN }, { land: "merge" }).land(ref, "main", head, never);
    expect(merged).toMatchObject({ outcome: "landed" });
    expect(await provider.pullRequest(ref, "main", "uat", never)).toMatchObject({
      number: opened.number,
      state: "merged",
    });
    expect(await provider.land(ref, "main", head, never)).toEqual({
      ...merged,
      outcome: "already_there",
    });

    const tip = (await ask("GET", "git/ref/heads/main")).object.sha;
    const next = await commit("next", tip, "feat: b", "two\n");
    expect(await provider.land(ref, "main", next, never)).toEqual({ outcome: "landed", sha: next });
  });

  it("does not move back, nor sideways", async () => {
    const tip = (await ask("GET", "git/ref/heads/main")).object.sha;
    const aside = await commit("aside", root, "feat: c", "three\n");
    for (const sha of [aside, root]) {
      expect(await provider.land(ref, "main", sha, never)).toEqual({
        outcome: "diverged",
        branchSha: tip,
      });
    }
    await expect(provider.land(ref, "nope", aside, never)).rejects.toThrow(/no branch "nope"/);
  });
});
