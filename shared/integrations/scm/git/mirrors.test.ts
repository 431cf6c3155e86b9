import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RepositoryFailed } from "./failures.ts";
import { createMirrors, type Mirrors } from "./mirrors.ts";
import type { Git, GitCall } from "./run-git.ts";
import { makeFolder } from "./testing/git-workbench.ts";

const remote = {
  address: "https://git.example.com/x.git",
  credentials: { username: "ana", password: "hush" },
};
const never = new AbortController().signal;

interface Fetch {
  readonly call: GitCall;
  succeed(): void;
  fail(error: Error): void;
}

describe(createMirrors, () => {
  let folder: Awaited<ReturnType<typeof makeFolder>>;
  let mirrors: Mirrors;
  let fetches: Fetch[];
  let whenFetching: (fetch: Fetch) => void;

  beforeEach(async () => {
    folder = await makeFolder();
    fetches = [];
    whenFetching = () => undefined;
    mirrors = createMirrors({ git: createScriptedGit(), folder: folder.path, logger: undefined });
  });
  afterEach(() => folder.remove());

  /** Makes what `git init` makes; every fetch waits until the test ends it. */
  function createScriptedGit(): Git {
    return {
      timeoutMs: 1000,
      stream: async () => undefined,
      async run(call) {
        if (call.args[0] === "init") {
          const path = call.args.at(-1) ?? "";
          await mkdir(join(path, "refs/heads"), { recursive: true });
          await writeFile(join(path, "HEAD"), "");
        } else {
          await new Promise<void>((resolve, reject) => {
            call.signal.addEventListener("abort", () => reject(call.signal.reason as Error));
            const fetch = { call, succeed: resolve, fail: reject };
            fetches.push(fetch);
            whenFetching(fetch);
          });
        }
        return { exitCode: 0, stdout: "", stderr: "" };
      },
    };
  }

  /** The fetch of that position, once it has begun. */
  async function nth(position: number): Promise<Fetch> {
    const already = fetches[position - 1];
    return (
      already ??
      new Promise((resolve) => {
        whenFetching = resolve;
      })
    );
  }

  it("shares the next fetch among all who ask while one runs, so that nobody gets an older answer", async () => {
    const first = mirrors.fetch(remote, never);
    const running = await nth(1);
    const later = Array.from({ length: 5 }, () => mirrors.fetch(remote, never));
    running.succeed();
    await first;
    (await nth(2)).succeed();
    await Promise.all(later);
    expect(fetches).toHaveLength(2);
  });

  it("tells each who waited how its own fetch ended", async () => {
    const first = mirrors.fetch(remote, never);
    const running = await nth(1);
    const second = mirrors.fetch(remote, never);
    running.fail(new Error("away"));
    await expect(first).rejects.toThrow("away");
    (await nth(2)).succeed();
    await expect(second).resolves.toBe(mirrors.directory(remote));
  });

  it("lets one give up without taking it from the others, and stops when all have", async () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const running = mirrors.fetch(remote, never);
    const begun = await nth(1);
    const waiting = [one, two].map(({ signal }) => mirrors.fetch(remote, signal));
    begun.succeed();
    await running;
    const next = await nth(2);
    one.abort(new Error("enough"));
    await expect(waiting[0]).rejects.toThrow("enough");
    expect(next.call.signal.aborted).toBe(false);
    two.abort(new Error("enough too"));
    await expect(waiting[1]).rejects.toThrow("enough too");
    expect(next.call.signal.aborted).toBe(true);
    const again = mirrors.fetch(remote, never);
    (await nth(3)).succeed();
    await expect(again).resolves.toBe(mirrors.directory(remote));
  });

  it("gives the first copy more time, and credentials outside the arguments", async () => {
    const asked = mirrors.fetch(remote, never);
    const { call, succeed } = await nth(1);
    succeed();
    await asked;
    expect(call.timeoutMs).toBe(10_000);
    expect(call.args).toContain("https://git.example.com/x.git");
    expect(call.args.join(" ")).not.toContain("hush");
    expect(call.secretSettings?.[0]?.[0]).toBe("http.https://git.example.com/.extraHeader");
  });

  it("removes a lock that a killed fetch left, and only an old one", async () => {
    const mirror = mirrors.directory(remote);
    await mkdir(join(mirror, "refs/heads"), { recursive: true });
    await writeFile(join(mirror, "HEAD"), "");
    const lock = join(mirror, "packed-refs.lock");
    await writeFile(lock, "");
    const refused = new RepositoryFailed({
      code: "repository_unreadable",
      reason: "locked.",
      remedy: ".",
    });

    const young = mirrors.fetch(remote, never);
    (await nth(1)).fail(refused);
    await expect(young).rejects.toThrow("locked");

    await utimes(lock, new Date(0), new Date(0));
    const old = mirrors.fetch(remote, never);
    (await nth(2)).fail(refused);
    (await nth(3)).succeed();
    await expect(old).resolves.toBe(mirror);
  });
});
