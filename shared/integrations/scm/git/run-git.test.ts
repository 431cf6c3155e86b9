import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEnvironment } from "../../../config/environment.ts";
import { RepositoryFailed } from "./failures.ts";
import { createGit, gitEnvironment, type GitCall } from "./run-git.ts";
import { makeFolder } from "./testing/git-workbench.ts";

const never = new AbortController().signal;
let folder: Awaited<ReturnType<typeof makeFolder>>;

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(async () => {
  await folder.remove();
});

function call(args: readonly string[], more: Partial<GitCall> = {}): GitCall {
  return { gitDirectory: null, args, operation: "testing", signal: never, ...more };
}

function createTestGit(more: Partial<Parameters<typeof createGit>[0]> = {}) {
  return createGit({
    timeoutMs: 20_000,
    concurrency: 2,
    environment: readEnvironment(),
    ...more,
  });
}

async function failureOf(work: Promise<unknown>) {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof RepositoryFailed ? error.failure : error),
  );
}

/** An alias that starts a program of the shell, which is how a git process gets children that hang. */
function shell(script: string): readonly string[] {
  return ["-c", `alias.hang=!${script}`, "hang"];
}

describe(gitEnvironment, () => {
  it("hands on what git and ssh need, and nothing else", () => {
    const environment = gitEnvironment({
      PATH: "/bin",
      HOME: "/home/slipway",
      SSH_AUTH_SOCK: "/run/agent",
      HTTPS_PROXY: "",
      SLIPWAY_TOKEN: "hush",
      GIT_DIR: "/elsewhere",
      GIT_SSH_COMMAND: "evil",
      GIT_CONFIG_PARAMETERS: "'core.hooksPath'='/evil'",
      LD_PRELOAD: "/evil.so",
    });
    expect(environment).toMatchObject({
      PATH: "/bin",
      HOME: "/home/slipway",
      SSH_AUTH_SOCK: "/run/agent",
      LC_ALL: "C",
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_OPTIONAL_LOCKS: "0",
      GIT_SSH_COMMAND: expect.stringContaining("BatchMode"),
    });
    for (const name of [
      "SLIPWAY_TOKEN",
      "GIT_DIR",
      "GIT_CONFIG_PARAMETERS",
      "LD_PRELOAD",
      "HTTPS_PROXY",
    ]) {
      expect(environment).not.toHaveProperty(name);
    }
  });
});

describe(createGit, () => {
  it("gives output and an accepted exit code", async () => {
    const git = createTestGit();
    const { stdout, exitCode } = await git.run(call(["version"]));
    expect(stdout).toMatch(/^git version/);
    expect(exitCode).toBe(0);
    await expect(git.run(call(shell("exit 7"), { accept: [7] }))).resolves.toMatchObject({
      exitCode: 7,
    });
  });

  it("fails with what git said, in a sentence, without credentials", async () => {
    const failure = await failureOf(
      createTestGit().run(
        call(shell("echo 'hint: x' >&2; echo 'fatal: no https://ana:hush@host/x.' >&2; exit 128")),
      ),
    );
    expect(failure).toMatchObject({
      code: "repository_unreadable",
      reason: "git failed while testing: no https://[secret]@host/x.",
    });
  });

  it("ends a command that takes too long, with everything it started", async () => {
    // The second program holds on to the output, so nothing would come back while it lives.
    const failure = await failureOf(
      createTestGit({ timeoutMs: 400 }).run(call(shell("sleep 600 & wait"))),
    );
    expect(failure).toMatchObject({ code: "timeout", reason: expect.stringContaining("400 ms") });
  });

  it("ends a command whose asker gave up", async () => {
    const stop = new AbortController();
    const asked = createTestGit().run(call(shell("sleep 600"), { signal: stop.signal }));
    stop.abort(new Error("enough"));
    await expect(asked).rejects.toThrow("enough");
  });

  it("does not start what was given up while it waited", async () => {
    const git = createTestGit({ concurrency: 1, timeoutMs: 300 });
    const stop = new AbortController();
    const first = failureOf(git.run(call(shell("sleep 600"))));
    const file = join(folder.path, "started");
    const second = git.run(call(shell(`touch '${file}'`), { signal: stop.signal }));
    stop.abort(new Error("enough"));
    await expect(second).rejects.toThrow("enough");
    await first;
    await git.run(call(["version"]));
    await expect(readFile(file)).rejects.toThrow("ENOENT");
  });

  it("ends a command that prints without end", async () => {
    const failure = await failureOf(createTestGit().run(call(shell("yes"))));
    expect(failure).toMatchObject({ reason: expect.stringContaining("more than 8 MB") });
  });

  it("ends a command that complains without end", async () => {
    const failure = await failureOf(createTestGit().run(call(shell("yes >&2"))));
    expect(failure).toMatchObject({ code: "repository_unreadable" });
  });

  it("says that git is missing when it is", async () => {
    const failure = await failureOf(
      createTestGit({ environment: { PATH: folder.path } }).run(call(["version"])),
    );
    expect(failure).toMatchObject({
      code: "unavailable",
      remedy: expect.stringContaining("Install git"),
    });
  });

  it("runs no more at once than allowed, and work begun before new work", async () => {
    const git = createTestGit({ concurrency: 1 });
    const order: string[] = [];
    const run = async (name: string, step: number) => {
      await git.run(call(["version"], { step }));
      order.push(name);
    };
    await Promise.all([run("first", 0), run("new", 0), run("begun", 2)]);
    expect(order).toEqual(["first", "begun", "new"]);
  });

  it("lets hosts that do not answer hold up nothing local", async () => {
    const git = createTestGit({ concurrency: 1 });
    const stop = new AbortController();
    const hanging = failureOf(
      git.run(call(shell("sleep 600"), { isRemote: true, signal: stop.signal })),
    );
    await expect(git.run(call(["version"]))).resolves.toMatchObject({ exitCode: 0 });
    stop.abort(new Error("enough"));
    expect(await hanging).toMatchObject({ message: "enough" });
  });

  it("gives credentials through the environment, where arguments would show them to everybody", async () => {
    const file = join(folder.path, "arguments");
    await writeFile(file, "");
    const { stdout } = await createTestGit().run(
      call(shell(`tr '\\0' ' ' < /proc/$PPID/cmdline > '${file}'; git config http.extraHeader`), {
        secretSettings: [["http.extraHeader", "Authorization: Basic aHVzaA=="]],
      }),
    );
    expect(stdout.trim()).toBe("Authorization: Basic aHVzaA==");
    expect(await readFile(file, "utf8")).not.toContain("aHVzaA");
  });
});
