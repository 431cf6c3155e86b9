import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ApplyResult, DesiredState } from "../../../core/ports/deploy-target.ts";
import { UpstreamTimeout, UpstreamUnavailable } from "../../../errors/catalog.ts";
import { createManualClock } from "../../../testing/clock.ts";
import { deployTargetContract, desiredState } from "../../../testing/deploy-target-contract.ts";
import { createCommandTarget } from "./index.ts";
import { CommandOptions } from "./options.ts";
import { OUTPUT_CUT, OUTPUT_LIMITS } from "./output.ts";

const root = mkdtempSync(join(tmpdir(), "slipway-command-"));
let count = 0;
afterAll(() => rmSync(root, { recursive: true, force: true }));

const node = process.execPath;
const PATH = process.env["PATH"] ?? "/usr/bin:/bin";

/** A folder whose `<service>` files are what runs there, with the scripts that read and change them. */
const DEPLOY = `#!/bin/sh
echo $$ >> pids
if [ -e "$1.fail" ]; then rm "$1.fail"; echo "$1: no space left" >&2; exit 1; fi
if [ -e "$1.hang" ]; then
  trap '' TERM
  sleep 600 & echo $! >> pids
  echo hanging; touch "$1.reached"; wait; sleep 600
fi
echo "deploying $1"
echo "$2 $3" > "$1.tmp" && mv "$1.tmp" "$1"
`;
const CURRENT = `#!/bin/sh
[ -e "$1" ] && cat "$1" || true
`;

function makeFolder(): string {
  const folder = join(root, String((count += 1)));
  mkdirSync(folder);
  for (const [name, text] of Object.entries({ "deploy.sh": DEPLOY, "current.sh": CURRENT })) {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

function makeTarget(
  folder: string,
  options: Record<string, unknown> = {},
  secrets: readonly string[] = [],
) {
  return createCommandTarget(
    CommandOptions.parse({
      apply: ["./deploy.sh", "{service}", "{version}", "{commit}"],
      observe: ["./current.sh", "{service}"],
      grace: "50ms",
      ...options,
    }),
    {
      environment: "prod",
      baseDir: folder,
      processEnvironment: { PATH, SECRET_OF_OURS: "hush-hush" },
      secrets,
      clock: createManualClock(),
    },
  );
}

function livingPids(folder: string): readonly number[] {
  const file = join(folder, "pids");
  const pids = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").map(Number) : [];
  return pids.filter(isLiving);
}

/** Dead processes that nobody has collected yet do not count. */
function isLiving(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  try {
    process.kill(pid, 0);
    return !existsSync(stat) || !/\) [ZX] /.test(readFileSync(stat, "utf8"));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

deployTargetContract("command", () => {
  const folder = makeFolder();
  return {
    target: makeTarget(folder, {
      restart: ["true"],
      migrate: ["sh", "-c", 'echo "migrating $SLIPWAY_SERVICE"'],
    }),
    failApply: (service) => writeFileSync(join(folder, `${service}.fail`), ""),
    hangApply: (service) => {
      writeFileSync(join(folder, `${service}.hang`), "");
      return { reached: until(() => existsSync(join(folder, `${service}.reached`))) };
    },
    unplug: () => rmSync(folder, { recursive: true }),
    runningCount: () => livingPids(folder).length,
    close: () => undefined,
  };
});

/** Applies with a program given as JavaScript or shell. */
async function apply(
  argv: readonly string[],
  more: {
    readonly options?: Record<string, unknown>;
    readonly desired?: Partial<DesiredState>;
    readonly secrets?: readonly string[];
    readonly signal?: AbortSignal;
    readonly folder?: string;
    readonly onLine?: (line: string) => void;
  } = {},
): Promise<{ readonly result: ApplyResult; readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const target = makeTarget(
    more.folder ?? makeFolder(),
    { apply: argv, ...more.options },
    more.secrets,
  );
  const result = await target.apply(desiredState("billing", "1.0.0", more.desired), {
    signal: more.signal ?? new AbortController().signal,
    log(line) {
      lines.push(line);
      more.onLine?.(line);
    },
  });
  return { result, lines };
}

const script = (text: string) => [node, "-e", text];

describe("applying with a command", () => {
  it("hands over exactly the allowed environment and the facts of the deploy", async () => {
    const folder = makeFolder();
    await apply(script("require('fs').writeFileSync('env.json', JSON.stringify(process.env))"), {
      folder,
      options: { env: { STAGE: "blue", SEEN: "1" }, pass_env: ["PATH", "NOT_SET"] },
      desired: { deployment: 7, fencingToken: 42, path: "services/billing" },
    });
    const seen = JSON.parse(readFileSync(join(folder, "env.json"), "utf8")) as object;
    const marks = ["SLIPWAY_RUN", "SLIPWAY_RUN_LEADER"];
    expect(
      Object.fromEntries(Object.entries(seen).filter(([name]) => !marks.includes(name))),
    ).toEqual({
      PATH,
      STAGE: "blue",
      SEEN: "1",
      SLIPWAY_SERVICE: "billing",
      SLIPWAY_ENVIRONMENT: "prod",
      SLIPWAY_VERSION: "1.0.0",
      SLIPWAY_COMMIT: "1".repeat(40),
      SLIPWAY_REPOSITORY: "shop",
      SLIPWAY_REPOSITORY_URL: "https://git.example.com/acme/shop.git",
      SLIPWAY_PATH: "services/billing",
      SLIPWAY_DEPLOYMENT: "7",
      SLIPWAY_FENCING_TOKEN: "42",
    });
  });

  it("passes values as they are, without a shell", async () => {
    const version = "$(touch owned) `id` ; | & * 'q' \"d\" \\";
    const { lines } = await apply([...script("console.log(process.argv[1])"), "{version}"], {
      desired: { version },
    });
    expect(lines).toEqual([version]);
  });

  it.each([
    ["would be read as an option", { version: "--force" }, "read as an option"],
    ["is not known", { commit: null }, "{commit}, which is not known"],
  ])("is not run when a value %s", async (_what, desired, why) => {
    const folder = makeFolder();
    const { result } = await apply(["touch", "{version}{commit}"], { desired, folder });
    expect(result).toMatchObject({ outcome: "failed", cause: "config" });
    expect(result).toMatchObject({ detail: expect.stringContaining(why) as unknown });
    expect(result).toMatchObject({
      detail: expect.stringContaining("target.apply of environment prod") as unknown,
    });
  });

  it("reads nothing from standard input", async () => {
    const { result } = await apply(["cat"]);
    expect(result).toEqual({ outcome: "applied" });
  });

  it.each([
    [
      "exits with a code",
      "console.error('disk full'); process.exit(4)",
      "command",
      "exited with 4: disk full",
    ],
    [
      "dies by a signal",
      "process.kill(process.pid, 'SIGKILL'); setTimeout(() => {}, 1e6)",
      "command",
      "was ended by SIGKILL and said nothing",
    ],
    ["is a shell's missing program", "process.exit(127)", "config", "exited with 127"],
  ])("says no when it %s", async (_what, text, cause, sentence) => {
    const { result } = await apply(script(text));
    expect(result).toMatchObject({ outcome: "failed", cause });
    expect(result).toMatchObject({ detail: expect.stringContaining(sentence) as unknown });
  });

  it.each([
    ["is missing", ["./nope.sh"], 'There is no program "./nope.sh"'],
    ["is missing in PATH", ["no-such-program"], 'There is no program "no-such-program"'],
    ["may not be executed", ["./plain.txt"], '"./plain.txt" may not be executed (EACCES)'],
  ])("names the program and the key when it %s", async (_what, argv, sentence) => {
    const folder = makeFolder();
    writeFileSync(join(folder, "plain.txt"), "text");
    const { result } = await apply(argv, { folder });
    expect(result).toEqual({
      outcome: "failed",
      cause: "config",
      detail: `${sentence} (target.apply of environment prod).`,
    });
  });

  it("says so when there is no folder to run in", async () => {
    await expect(apply(["true"], { options: { cwd: "nowhere" } })).rejects.toThrow(
      "there is no such folder",
    );
  });

  it("cuts a flood of 200 MB, keeps its last line, and hardly grows", async () => {
    const before = process.memoryUsage().rss;
    const { result, lines } = await apply([
      "sh",
      "-c",
      "yes flooding | head -c 200000000; echo; echo the last word >&2; exit 1",
    ]);
    expect(result).toMatchObject({
      outcome: "failed",
      detail: expect.stringContaining("the last word") as unknown,
    });
    expect(lines).toHaveLength(OUTPUT_LIMITS.lines + 1);
    expect(lines.at(-1)).toBe(OUTPUT_CUT);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  it("cuts one endless line", async () => {
    const { lines } = await apply(["head", "-c", "20000000", "/dev/zero"]);
    expect(lines.every((line) => line.length <= OUTPUT_LIMITS.lineCharacters)).toBe(true);
  });

  it("keeps secrets out of the log and of the reason", async () => {
    const { result, lines } = await apply(
      script(
        "console.log('known known-secret'); console.log('https://ci:pa55word@git.example.com'); console.error(process.env.API_TOKEN); process.exit(1)",
      ),
      { secrets: ["known-secret"], options: { env: { API_TOKEN: "configured" } } },
    );
    expect(JSON.stringify({ result, lines })).not.toMatch(/known-secret|pa55word|configured/);
    expect(lines).toContain("known [secret]");
  });

  it("ends a command that ignores SIGTERM, with what it started", async () => {
    const folder = makeFolder();
    const cancel = new AbortController();
    const applying = apply(
      [
        "sh",
        "-c",
        "trap '' TERM; echo $$ > pids; sleep 600 & echo $! >> pids; echo ready; while :; do wait; done",
      ],
      { folder, signal: cancel.signal, onLine: () => cancel.abort(new Error("cancelled")) },
    );
    await expect(applying).rejects.toThrow("cancelled");
    expect(readFileSync(join(folder, "pids"), "utf8").trim().split("\n")).toHaveLength(2);
    expect(livingPids(folder)).toEqual([]);
  });

  it("lets a command that listens to SIGTERM end by itself", async () => {
    const folder = makeFolder();
    const cancel = new AbortController();
    const applying = apply(
      script(
        "process.on('SIGTERM', () => { require('fs').writeFileSync('cleaned', ''); process.exit(0) }); console.log('ready'); setInterval(() => {}, 1e6)",
      ),
      {
        folder,
        signal: cancel.signal,
        options: { grace: "20s" },
        onLine: () => cancel.abort(new Error("cancelled")),
      },
    );
    await expect(applying).rejects.toThrow("cancelled");
    expect(existsSync(join(folder, "cleaned"))).toBe(true);
  });

  it("does not wait for a process left in the background that holds the output open", async () => {
    const folder = makeFolder();
    const { result, lines } = await apply(["sh", "-c", "sleep 600 & echo $! > pids; echo done"], {
      folder,
    });
    expect(result).toEqual({ outcome: "applied" });
    expect(lines).toEqual(["done"]);
    // It may be what was deployed, so it goes on.
    expect(livingPids(folder)).toHaveLength(1);
    livingPids(folder).forEach((pid) => process.kill(pid, "SIGKILL"));
  });

  it("ends what a failed command left in the background", async () => {
    const folder = makeFolder();
    const { result } = await apply(["sh", "-c", "sleep 600 & echo $! > pids; exit 1"], { folder });
    expect(result.outcome).toBe("failed");
    expect(livingPids(folder)).toEqual([]);
  });

  it("ends a command that takes too long, and says so", async () => {
    const folder = makeFolder();
    const applying = apply(["sh", "-c", "echo $$ > pids; sleep 600"], {
      folder,
      options: { timeout: "300ms" },
    });
    await expect(applying).rejects.toBeInstanceOf(UpstreamTimeout);
    await expect(applying).rejects.toThrow("apply of billing");
    expect(livingPids(folder)).toEqual([]);
  });

  it("applies again what runs in the right version but is unhealthy", async () => {
    const { result } = await apply(["true"], {
      options: { observe: ["sh", "-c", "echo 1.0.0; echo sick >&2; exit 3"] },
    });
    expect(result).toEqual({ outcome: "applied" });
  });

  it("has no migration and no restart where none are configured", () => {
    const target = makeTarget(makeFolder());
    expect(target.restart).toBeUndefined();
    expect(target.migrate).toBeUndefined();
  });
});

describe("observing with a command", () => {
  const calm = new AbortController().signal;
  const sha = "a".repeat(40);

  it.each([
    ["a version", "echo 1.4.2", { version: "1.4.2", commit: null, health: "healthy" }],
    ["a commit", `echo ${sha}`, { version: "aaaaaaaa", commit: sha, health: "healthy" }],
    ["both", `echo 1.4.2 ${sha}`, { version: "1.4.2", commit: sha, health: "healthy" }],
    [
      "its answer last, after other lines",
      "echo hello there; echo; echo 1.4.2; echo",
      { version: "1.4.2" },
    ],
    ["a warning beside", "echo careful >&2; echo 1.4.2", { version: "1.4.2", detail: null }],
    ["nothing", "true", { version: null, health: "absent", detail: null }],
    [
      "that it is unhealthy, and why",
      "echo 1.4.2; echo it crashes >&2; exit 3",
      {
        version: "1.4.2",
        health: "unhealthy",
        cause: "health_check",
        detail: "it crashes",
        log: ["1.4.2", "it crashes"],
      },
    ],
    [
      "only why it is unhealthy",
      "echo it crashes; exit 3",
      { version: null, health: "unhealthy", detail: "it crashes" },
    ],
    [
      "that it is unhealthy, without words",
      "exit 3",
      { health: "unhealthy", detail: "It is unhealthy and does not say why." },
    ],
  ])("understands %s", async (_what, text, expected) => {
    const target = makeTarget(makeFolder(), { observe: ["sh", "-c", text] });
    expect(await target.observe(["billing"], calm)).toMatchObject([
      { service: "billing", digest: null, ...expected },
    ]);
  });

  it.each([
    ["fails", ["sh", "-c", "echo no route >&2; exit 1"], "it exited with 1: no route"],
    ["answers something else", ["sh", "-c", "echo what do you mean"], '"what do you mean"'],
    ["dies", ["sh", "-c", "kill -9 $$"], "it was ended by SIGKILL"],
    ["is missing", ["./nope"], 'there is no program "./nope" (target.observe of environment prod)'],
  ])("says that the target cannot be reached when the command %s", async (_what, argv, why) => {
    const target = makeTarget(makeFolder(), { observe: argv });
    const observing = target.observe(["billing", "auth"], calm);
    await expect(observing).rejects.toBeInstanceOf(UpstreamUnavailable);
    await expect(observing).rejects.toThrow(why);
  });

  it("ends one that takes too long", async () => {
    const folder = makeFolder();
    const target = makeTarget(folder, {
      observe: ["sh", "-c", "echo $$ >> pids; sleep 600"],
      observe_timeout: "200ms",
    });
    await expect(target.observe(["billing"], calm)).rejects.toBeInstanceOf(UpstreamTimeout);
    expect(livingPids(folder)).toEqual([]);
  });

  it("keeps one service's trouble from the others", async () => {
    const target = makeTarget(makeFolder(), {
      observe: ["sh", "-c", '[ "$SLIPWAY_SERVICE" = sick ] && exit 1; echo 1.0.0'],
    });
    const desired = [desiredState("billing", "1.0.0"), desiredState("sick", "1.0.0")];
    expect(await target.observe(["billing", "sick"], calm)).toMatchObject([
      { health: "healthy", version: "1.0.0" },
      {
        health: "unknown",
        version: null,
        detail: expect.stringContaining("exited with 1") as unknown,
      },
    ]);
    await expect(target.plan(desired, calm)).rejects.toBeInstanceOf(UpstreamUnavailable);
  });

  it("ends everything when it is aborted", async () => {
    const folder = makeFolder();
    const target = makeTarget(folder, { observe: ["sh", "-c", "echo $$ >> pids; sleep 600"] });
    const cancel = new AbortController();
    const services = Array.from({ length: 20 }, (_, index) => `service-${index}`);
    const observing = target.observe(services, cancel.signal);
    await Promise.race([observing, until(() => livingPids(folder).length > 0)]);
    cancel.abort(new Error("cancelled"));
    await expect(observing).rejects.toThrow("cancelled");
    expect(livingPids(folder)).toEqual([]);
  });

  it("does not let a hostile name become an option or a way out", async () => {
    const target = makeTarget(makeFolder());
    await expect(target.observe(["--help"], calm)).rejects.toThrow("read as an option");
    await expect(target.observe(["../x"], calm)).rejects.toThrow("out of its folder");
  });
});
