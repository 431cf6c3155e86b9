import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment } from "../config/environment.ts";
import { loadConfig } from "../config/load-config.ts";
import type { Comparison } from "../core/ports/scm.ts";
import { SampleInTheWay } from "../errors/catalog.ts";
import { createScm, scmSchemas } from "../integrations/scm/index.ts";
import { git, makeFolder } from "../integrations/scm/git/testing/git-workbench.ts";
import { deployTargetSchemas } from "../integrations/deploy/index.ts";
import { sampleAuthors, sampleRepositories } from "./sample-history.ts";
import { samplePeople, sampleRoles } from "./sample-people.ts";
import { createSampleWorkspace, sampleConfiguration } from "./sample-workspace.ts";

const now = new Date("2026-11-20T12:00:00Z");
const processEnvironment = readEnvironment();
const never = new AbortController().signal;

let folder: Awaited<ReturnType<typeof makeFolder>>;
let directory: string;
let folders = 0;

beforeAll(async () => {
  folder = await makeFolder();
});
afterAll(() => folder.remove());
beforeEach(() => {
  folders += 1;
  directory = join(folder.path, `demo-${folders}`);
});

function make(): Promise<void> {
  return createSampleWorkspace(directory, { now, processEnvironment });
}

function repository(name: string): string {
  return join(directory, "repos", name);
}

async function tips(): Promise<Readonly<Record<string, string>>> {
  const found = await Promise.all(
    sampleRepositories.map(async ({ name }) => {
      const refs = await git(repository(name), [
        "for-each-ref",
        "--format=%(objectname) %(refname)",
      ]);
      return [name, refs] as const;
    }),
  );
  return Object.fromEntries(found);
}

async function comparisons(): Promise<readonly Comparison[]> {
  const scm = createScm(
    { provider: "git", options: scmSchemas["git"]?.parse({ root: join(directory, "repos") }) },
    { id: "git:0", dataDirectory: directory, baseDir: "/", processEnvironment },
  );
  const pairs = (await scm.listRepositories(never)).map((one) => ({
    repository: one,
    base: "master",
    head: "uat",
  }));
  const found: Comparison[] = [];
  for await (const result of scm.compareMany(pairs, never)) {
    if (result.ok) {
      found.push(result.comparison);
    }
  }
  return found;
}

describe(createSampleWorkspace, () => {
  it("makes five repositories of which four have something to release", async () => {
    await make();
    const all = await comparisons();
    expect(all.map((one) => one.repository.name).sort()).toEqual([
      "api-gateway",
      "auth-service",
      "billing-service",
      "notification-service",
      "user-service",
    ]);
    expect(all.every((one) => one.behindCount === 0)).toBe(true);
    expect(all.filter((one) => one.commitCount === 0).map((one) => one.repository.name)).toEqual([
      "billing-service",
    ]);
    const commits = all.flatMap((one) => one.commits);
    expect(commits.filter((one) => /^[a-z]+(\(\w+\))?!:/.test(one.title))).toMatchObject([
      {
        title: "feat(api)!: answer errors as problem+json",
        body: expect.stringContaining("BREAKING CHANGE: "),
      },
    ]);
    expect(
      commits.every((one) => /^(feat|fix|docs|test|chore|perf)(\(\w+\))?!?: /.test(one.title)),
    ).toBe(true);
    expect(commits.some((one) => one.authors.length > 1)).toBe(true);
    expect(
      new Set(commits.flatMap((one) => one.authors.map(({ email }) => email))).size,
    ).toBeGreaterThan(3);
    expect(
      all.flatMap((one) => one.files).filter(({ path }) => /^migrations\/0007_.*\.sql$/.test(path)),
    ).toEqual([{ path: "migrations/0007_add_email_verified_at.sql", change: "added" }]);
  });

  it("counts the dates of commits back from now, and makes the same commits again", async () => {
    await make();
    const before = await tips();
    const newest = await git(repository("api-gateway"), ["log", "-1", "--format=%aI", "uat"]);
    expect(new Date(newest)).toEqual(new Date("2026-11-19T16:00:00Z"));
    await rm(directory, { recursive: true });
    await make();
    expect(await tips()).toEqual(before);
  });

  it("leaves what is there untouched, and makes what is missing", async () => {
    await make();
    await writeFile(join(repository("api-gateway"), "CHANGES.txt"), "mine\n");
    await git(repository("api-gateway"), ["add", "CHANGES.txt"]);
    await git(repository("api-gateway"), ["commit", "-q", "-m", "fix: mine"]);
    const before = await tips();
    await rm(repository("user-service"), { recursive: true });
    await createSampleWorkspace(directory, { now: new Date(), processEnvironment });
    const after = await tips();
    expect(after["api-gateway"]).toBe(before["api-gateway"]);
    expect(await git(repository("user-service"), ["status", "--porcelain"])).toBe("");
  });

  it("is made once when two processes start at the same time", async () => {
    await Promise.all([make(), make(), make()]);
    expect((await comparisons()).length).toBe(5);
    expect((await readdir(directory)).sort()).toEqual(["bin", "repos"]);
  });

  it("cleans up after a start that was killed, but not what is being made", async () => {
    const old = join(directory, ".unfinished-api-gateway-1");
    const young = join(directory, ".unfinished-api-gateway-2");
    await mkdir(join(old, ".git"), { recursive: true });
    await mkdir(young);
    await utimes(old, new Date(0), new Date(0));
    await utimes(young, now, now);
    await make();
    expect((await readdir(directory)).sort()).toEqual([
      ".unfinished-api-gateway-2",
      "bin",
      "repos",
    ]);
    expect((await comparisons()).length).toBe(5);
  });

  it("takes an empty folder, and refuses anything else in the way", async () => {
    await mkdir(repository("api-gateway"), { recursive: true });
    await make();
    await rm(repository("api-gateway"), { recursive: true });
    await mkdir(repository("api-gateway"));
    await writeFile(join(repository("api-gateway"), "notes.txt"), "mine");
    await expect(make()).rejects.toThrow(SampleInTheWay);
    expect(await readFile(join(repository("api-gateway"), "notes.txt"), "utf8")).toBe("mine");
  });

  it("gives people repositories they can commit, clone and push to", async () => {
    await make();
    const path = repository("api-gateway");
    expect(await git(path, ["branch", "--show-current"])).toBe("uat");
    expect(await git(path, ["status", "--porcelain"])).toBe("");
    const clone = join(directory, "clone");
    await git(directory, ["clone", "-q", path, clone]);
    await writeFile(join(clone, "late.txt"), "late\n");
    await git(clone, ["add", "late.txt"]);
    await git(clone, ["commit", "-q", "-m", "fix: late"]);
    await git(clone, ["push", "-q", "origin", "uat"]);
    expect(await readFile(join(path, "late.txt"), "utf8")).toBe("late\n");
    await git(path, ["commit", "-q", "--allow-empty", "-m", "fix: later"]);
    expect(await git(path, ["log", "-1", "--format=%s"])).toBe("fix: later");
  });

  it("replaces scripts that differ and leaves those that do not", async () => {
    await make();
    const [apply, observe] = ["apply.sh", "observe.sh"].map((name) => join(directory, "bin", name));
    const before = await stat(observe ?? "");
    await writeFile(apply ?? "", "#!/bin/sh\nexit 0\n");
    await make();
    expect(await readFile(apply ?? "", "utf8")).toContain("apply.sh <environment>");
    expect((await stat(apply ?? "")).mode & 0o777).toBe(0o755);
    expect((await stat(observe ?? "")).ino).toBe(before.ino);
  });
});

describe(sampleConfiguration, () => {
  it("is a configuration this program takes", () => {
    const config = loadConfig({
      env: {},
      cwd: folder.path,
      providers: { scm: scmSchemas, target: deployTargetSchemas },
      sample: ({ dataDir }) => sampleConfiguration(join(dataDir, "demo")),
    });
    expect(config.environments).toMatchObject([
      { name: "preprod", branch: "uat" },
      { name: "prod", branch: "master", promoteFrom: "preprod", land: "after" },
    ]);
    expect(Object.fromEntries(config.services.map((one) => [one.name, one.dependsOn]))).toEqual({
      "auth-service": [],
      "api-gateway": ["auth-service"],
      "user-service": ["auth-service"],
      "notification-service": ["user-service"],
      "billing-service": ["user-service"],
    });
  });
});

describe("sample people", () => {
  it("hold exactly the roles they are known for", () => {
    const rolesOf = (username: string) => {
      const person = samplePeople.find((one) => one.username === username);
      const claims = [
        "*",
        ...(person?.groups ?? []).map((group) => `group:${group}`),
        ...(person?.realmRoles ?? []).map((role) => `realm:${role}`),
      ];
      return Object.entries(sampleRoles)
        .filter(([, rules]) => rules.some((rule) => claims.includes(rule)))
        .map(([role]) => role);
    };
    expect(
      Object.fromEntries(samplePeople.map(({ username }) => [username, rolesOf(username)])),
    ).toEqual({
      dana: ["dev", "viewer"],
      quinn: ["qa", "viewer"],
      robin: ["dev", "qa", "viewer"],
      olivia: ["operator", "viewer"],
      adam: ["admin", "viewer"],
      vic: ["viewer"],
    });
  });

  it("have ids and addresses of their own, and some write the code", () => {
    for (const key of ["subject", "username", "email"] as const) {
      expect(new Set(samplePeople.map((person) => person[key])).size).toBe(samplePeople.length);
    }
    const authors = Object.values(sampleAuthors).join();
    expect(
      samplePeople.filter(({ email }) => authors.includes(email)).map(({ username }) => username),
    ).toEqual(["dana", "robin"]);
  });
});

describe("the scripts of the demo environments", () => {
  let head: string;
  let base: string;
  let url: string;

  beforeEach(async () => {
    await make();
    url = `file://${encodeURI(repository("api-gateway"))}`;
    head = await git(repository("api-gateway"), ["rev-parse", "uat"]);
    base = await git(repository("api-gateway"), ["rev-parse", "master"]);
  });

  function script(name: string, args: readonly string[]) {
    return execa(join(directory, "bin", name), args, {
      reject: false,
      extendEnv: false,
      env: { PATH: process.env["PATH"] ?? "" },
    });
  }

  function apply(
    commit: string,
    [environment, service]: readonly string[] = ["prod", "api-gateway"],
  ) {
    return script("apply.sh", [environment ?? "", service ?? "", commit, url]);
  }

  async function observe() {
    const { exitCode, stdout, stderr } = await script("observe.sh", ["prod", "api-gateway"]);
    return { exitCode, commit: stdout, why: stderr };
  }

  function deployed(...parts: readonly string[]): string {
    return join(directory, "prod/api-gateway", ...parts);
  }

  it("say nothing of what was never deployed", async () => {
    expect(await observe()).toEqual({ exitCode: 0, commit: "", why: "" });
  });

  it("check exactly the commit out, forth and back, and tell", async () => {
    expect(await apply(base)).toMatchObject({ exitCode: 0 });
    expect(await observe()).toEqual({ exitCode: 0, commit: base, why: "" });
    expect(await git(deployed(), ["rev-parse", "HEAD"])).toBe(base);
    expect(await apply(head)).toMatchObject({ exitCode: 0 });
    expect(await readFile(deployed("package.json"), "utf8")).toContain("5.0.0");
    expect(await apply(base)).toMatchObject({ exitCode: 0 });
    await expect(lstat(deployed("src/health.ts"))).rejects.toThrow("ENOENT");
    expect((await readdir(join(directory, "prod"))).sort()).toEqual(["api-gateway"]);
  });

  it("do nothing the second time, and say so", async () => {
    await apply(head);
    const before = await stat(deployed("package.json"));
    expect(await apply(head)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("nothing to do"),
    });
    expect((await stat(deployed("package.json"))).mtimeMs).toBe(before.mtimeMs);
  });

  it.each([
    ["changed", () => writeFile(deployed("package.json"), "{}")],
    ["removed", () => rm(deployed("package.json"))],
    ["added", () => writeFile(deployed("stray.txt"), "")],
    ["left locked", () => writeFile(deployed(".git/index.lock"), "")],
  ])("notice what was %s by hand, and set it right", async (_what, spoil) => {
    await apply(head);
    await spoil();
    const seen = await observe();
    expect(seen).toMatchObject({ exitCode: 3, commit: head });
    expect(seen.why).toMatch(/api-gateway in prod.*\.$/);
    expect(await apply(head)).toMatchObject({ exitCode: 0 });
    expect(await observe()).toEqual({ exitCode: 0, commit: head, why: "" });
  });

  it("deploy a commit no branch has any more", async () => {
    await git(repository("api-gateway"), ["checkout", "-q", "-B", "uat", "master"]);
    expect(await apply(head)).toMatchObject({ exitCode: 0 });
    expect((await observe()).commit).toBe(head);
  });

  it("refuse a commit that is not there, and keep what runs", async () => {
    await apply(base);
    const { exitCode, stderr } = await apply("0123456789".repeat(4));
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/no commit 0123456789|cannot be fetched/);
    expect(await observe()).toEqual({ exitCode: 0, commit: base, why: "" });
  });

  it("leave alone what is no work tree of theirs", async () => {
    await mkdir(deployed(), { recursive: true });
    await writeFile(deployed("notes.txt"), "mine");
    expect(await apply(head)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("in the way"),
    });
    expect(await readFile(deployed("notes.txt"), "utf8")).toBe("mine");
    expect(await observe()).toMatchObject({ exitCode: 3, commit: "" });
  });

  it.each([
    ["../prod", "api-gateway"],
    ["..", "api-gateway"],
    ["prod", "a/b"],
    ["prod", "-x"],
    ["prod", ".git"],
    ["prod", ""],
    ["prod", "a b"],
    ["prod", "$(touch x)"],
    ["repos", "api-gateway"],
    ["bin", "api-gateway"],
  ])("refuse the names %j %j", async (environment, service) => {
    expect(await apply(head, [environment, service])).toMatchObject({ exitCode: 2 });
    expect(await script("observe.sh", [environment, service])).toMatchObject({ exitCode: 2 });
  });

  it.each(["HEAD", "uat", "-f", "", "abc123", "z".repeat(40)])(
    "refuse the commit %j",
    async (commit) => {
      expect(await apply(commit)).toMatchObject({ exitCode: 2 });
    },
  );

  it("end in one state when two run at once", async () => {
    const results = await Promise.all([apply(base), apply(head), apply(head)]);
    expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    const { exitCode, commit } = await observe();
    expect(exitCode).toBe(0);
    expect([base, head]).toContain(commit);
  });

  it("take over from an apply that was killed, also when its number was given to another process", async () => {
    await mkdir(join(directory, "prod"));
    await symlink(String(process.pid), join(directory, "prod/.api-gateway.applying"));
    expect(await apply(head)).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("taking over"),
    });
  });

  describe("killed in the middle", () => {
    /** A `git` that says when it comes to the given subcommand, and then never ends. */
    async function hangingPath(subcommand: string, isFirstDone: boolean): Promise<string> {
      const bin = join(directory, `bin-${subcommand}`);
      await mkdir(bin);
      const real = (await execa("which", ["git"])).stdout;
      await writeFile(
        join(bin, "git"),
        `#!/bin/sh
for argument; do
  if [ "$argument" = ${subcommand} ]; then
    ${isFirstDone ? `'${real}' "$@" || true` : ":"}
    echo 'it hangs'
    exec sleep 600
  fi
done
exec '${real}' "$@"
`,
      );
      await chmod(join(bin, "git"), 0o755);
      return `${bin}:${process.env["PATH"] ?? ""}`;
    }

    async function applyAndKill(commit: string, subcommand: string, isFirstDone: boolean) {
      const child = spawn(join(directory, "bin/apply.sh"), ["prod", "api-gateway", commit, url], {
        env: { PATH: await hangingPath(subcommand, isFirstDone) },
        stdio: ["ignore", "pipe", "inherit"],
        detached: true,
      });
      let output = "";
      for await (const piece of child.stdout) {
        output += String(piece);
        if (output.includes("it hangs")) {
          process.kill(-(child.pid ?? 0), "SIGKILL");
        }
      }
      if (child.exitCode === null && child.signalCode === null) {
        await once(child, "exit");
      }
      expect(child.signalCode).toBe("SIGKILL");
    }

    const moments = ["init", "fetch", "checkout", "clean"].flatMap((subcommand) => [
      [subcommand, "before", false] as const,
      [subcommand, "after", true] as const,
    ]);

    it.each(moments)(
      "at the first deploy, git %s, %s it",
      async (subcommand, _when, isFirstDone) => {
        await applyAndKill(head, subcommand, isFirstDone);
        expect(await observe()).toEqual({ exitCode: 0, commit: "", why: "" });
        expect(await apply(head)).toMatchObject({ exitCode: 0 });
        expect(await observe()).toEqual({ exitCode: 0, commit: head, why: "" });
      },
    );

    it.each(moments.filter(([subcommand]) => subcommand !== "init"))(
      "at a later deploy, git %s, %s it",
      async (subcommand, _when, isFirstDone) => {
        await apply(base);
        await applyAndKill(head, subcommand, isFirstDone);
        const between = await observe();
        expect([base, head]).toContain(between.commit);
        expect(await apply(head)).toMatchObject({ exitCode: 0 });
        expect(await observe()).toEqual({ exitCode: 0, commit: head, why: "" });
      },
    );
  });
});
