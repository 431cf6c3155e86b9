import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import { commitOn, createRepository, git } from "./repository.ts";

/**
 * A team's own repositories and deploy scripts, below a data directory. The scripts can be held at named gates, so that a test
 * decides exactly what is going on when it pulls the plug:
 *
 * - `before-apply-<service>`: the apply has started and has done nothing.
 * - `in-apply-<service>`: it has begun, and the service still runs the old version.
 * - `after-apply-<service>`: the service runs the new version, and the apply has not ended.
 * - `observe-<service>`: somebody asks what runs.
 * - `land-<service>`: git is about to move the destination branch.
 */
export interface Workspace {
  readonly directory: string;
  /** Where the scripts deploy to, as under `target` of an environment. */
  readonly target: Readonly<Record<string, unknown>>;
  /** The text of config.yaml: `preprod` and `prod` on the scripts. `extra` keys go into each environment. */
  config(options?: WorkspaceConfig): string;
  /** Environment of the server: git goes through a gate. */
  readonly env: Readonly<Record<string, string>>;
  /** Commits on `uat` of a repository. Returns the commit. */
  commit(service: string, title: string): string;
  branch(service: string, branch: string): string;
  /** The commit a service really runs; undefined when it does not run. */
  running(environment: string, service: string): string | undefined;
  /** How often this commit was really brought out. */
  timesApplied(environment: string, service: string, commit: string): number;
  hold(gate: string): void;
  /** Takes the gate away: whatever waits there goes on. */
  open(gate: string): void;
  openAll(): void;
  /** The processes that wait at a gate. */
  waiting(gate: string): readonly number[];
  /** Resolves with the process that waits at a gate. */
  arrival(gate: string): Promise<number>;
  /** Lets exactly the process go on that waits at a gate, or arrives there next. */
  pass(gate: string): Promise<void>;
  /** The service runs no more, whatever anybody deployed. */
  lose(environment: string, service: string): void;
  /** What `apply` does for this service from now on, as lines of shell; nothing: it works again. */
  breakApply(service: string, lines: string): void;
  repair(service: string): void;
}

export interface WorkspaceConfig {
  readonly repositories?: readonly string[];
  readonly services?: readonly string[];
  readonly prod?: readonly string[];
  readonly limit?: number;
}

const GATE = `
gate() {
  while [ -e "$root/gates/$1" ] && [ ! -e "$root/go/$1.$$" ]; do
    [ -e "$root/at/$1.$$" ] || : >"$root/at/$1.$$"
    sleep 0.02
  done
  rm -f "$root/at/$1.$$"
}
`;
const APPLY = `#!/bin/sh
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
environment=$1 service=$2 commit=$3
${GATE}
gate "before-apply-$service"
if [ -e "$root/broken/$service" ]; then . "$root/broken/$service"; fi
place=$root/running/$environment
mkdir -p "$place"
gate "in-apply-$service"
printf '%s\\n' "$commit" >"$place/$service.new"
echo "$environment $service $commit" >>"$root/applied.log"
mv "$place/$service.new" "$place/$service"
gate "after-apply-$service"
`;
const OBSERVE = `#!/bin/sh
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
${GATE}
gate "observe-$2"
[ ! -e "$root/running/$1/$2" ] || cat "$root/running/$1/$2"
`;
const GIT = (real: string, root: string) => `#!/bin/sh
root=${root}
${GATE}
case " $* " in
*" update-ref "*)
  for word in "$@"; do
    case "$word" in
    --git-dir=*)
      repository=\${word#--git-dir=}
      gate "land-$(basename "\${repository%/.git}")"
      ;;
    esac
  done
  ;;
esac
exec ${real} "$@"
`;

/** Makes the repositories and scripts. `services` says what each service depends on. */
export function createWorkspace(
  data: string,
  services: Readonly<Record<string, readonly string[]>>,
): Workspace {
  const directory = join(data, "team");
  for (const folder of ["bin", "gates", "at", "go", "broken"]) {
    mkdirSync(join(directory, folder), { recursive: true });
  }
  script("apply.sh", APPLY);
  script("observe.sh", OBSERVE);
  script("git", GIT(findProgram("git"), directory));
  for (const service of Object.keys(services)) {
    createRepository(join(directory, "repos", service));
  }
  const target = {
    kind: "command",
    apply: [join(directory, "bin/apply.sh"), "{environment}", "{service}", "{commit}"],
    observe: [join(directory, "bin/observe.sh"), "{environment}", "{service}"],
  };
  return {
    directory,
    target,
    config,
    env: { PATH: `${join(directory, "bin")}:${process.env["PATH"] ?? ""}` },
    commit: (service, title) => commitOn(join(directory, "repos", service), title),
    branch: (service, branch) => git(join(directory, "repos", service), "rev-parse", branch),
    running,
    timesApplied,
    hold: (gate) => writeFileSync(join(directory, "gates", gate), ""),
    open: (gate) => rmSync(join(directory, "gates", gate), { force: true }),
    openAll,
    waiting,
    arrival,
    lose: (environment, service) =>
      rmSync(join(directory, "running", environment, service), { force: true }),
    async pass(gate) {
      const pid = await arrival(gate);
      writeFileSync(join(directory, "go", `${gate}.${String(pid)}`), "");
      await vi.waitFor(
        () => {
          if (existsSync(join(directory, "at", `${gate}.${String(pid)}`))) {
            throw new Error(`The process at ${gate} does not go on.`);
          }
        },
        { timeout: 20_000, interval: 10 },
      );
    },
    breakApply: (service, lines) => writeFileSync(join(directory, "broken", service), `${lines}\n`),
    repair: (service) => rmSync(join(directory, "broken", service), { force: true }),
  };

  function script(name: string, text: string): void {
    writeFileSync(join(directory, "bin", name), text);
    chmodSync(join(directory, "bin", name), 0o755);
  }

  function config(options: WorkspaceConfig = {}): string {
    return [
      "repositories:",
      `  - { provider: git, root: ${join(directory, "repos")} }`,
      ...(options.repositories ?? []).map((line) => `  - ${line}`),
      "services:",
      ...Object.entries(services).map(
        ([name, dependsOn]) =>
          `  - { name: ${name}, repository: ${name}, depends_on: [${dependsOn.join(", ")}] }`,
      ),
      ...(options.services ?? []).map((line) => `  - ${line}`),
      "environments:",
      "  - name: preprod",
      "    branch: uat",
      "    sign_off: none",
      '    land: "off"',
      `    target: ${JSON.stringify(target)}`,
      "  - name: prod",
      "    branch: master",
      "    promote_from: preprod",
      `    target: ${JSON.stringify(target)}`,
      ...(options.prod ?? []).map((line) => `    ${line}`),
      `limits: { requests_per_second: ${String(options.limit ?? 1_000)} }`,
      "",
    ].join("\n");
  }

  function running(environment: string, service: string): string | undefined {
    const path = join(directory, "running", environment, service);
    return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
  }

  function timesApplied(environment: string, service: string, commit: string): number {
    const path = join(directory, "applied.log");
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
    return lines.filter((line) => line === `${environment} ${service} ${commit}`).length;
  }

  function openAll(): void {
    for (const gate of readdirSync(join(directory, "gates"))) {
      rmSync(join(directory, "gates", gate));
    }
  }

  function waiting(gate: string): readonly number[] {
    return readdirSync(join(directory, "at"))
      .filter((name) => name.startsWith(`${gate}.`))
      .map((name) => Number(name.slice(gate.length + 1)))
      .filter((pid) => isAlive(pid) && !existsSync(join(directory, "go", `${gate}.${pid}`)));
  }

  function arrival(gate: string): Promise<number> {
    return vi.waitFor(
      () => {
        const [found] = waiting(gate);
        if (found === undefined) {
          throw new Error(`Nothing waits at ${gate}.`);
        }
        return found;
      },
      { timeout: 20_000, interval: 10 },
    );
  }
}

function findProgram(name: string): string {
  const found = (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(`There is no ${name} on this machine.`);
  }
  return found;
}

/** Dead processes that nobody has collected yet still answer to signals; where /proc tells, they do not count. */
function isAlive(pid: number): boolean {
  const stat = `/proc/${String(pid)}/stat`;
  try {
    process.kill(pid, 0);
    return !existsSync(stat) || !/\) [ZX] /.test(readFileSync(stat, "utf8"));
  } catch {
    return false;
  }
}
