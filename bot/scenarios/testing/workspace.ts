import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createGates, type Gates } from "./gates.ts";
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
export interface Workspace extends Gates {
  /** Where the scripts deploy to, as under `target` of an environment. */
  readonly target: Readonly<Record<string, unknown>>;
  /** The text of config.yaml: `preprod` and `prod` on the scripts. `extra` keys go into each environment. */
  config(options?: WorkspaceConfig): string;
  /** Commits on `uat` of a repository. Returns the commit. */
  commit(service: string, title: string): string;
  branch(service: string, branch: string): string;
  /** The commit a service really runs; undefined when it does not run. */
  running(environment: string, service: string): string | undefined;
  /** How often this commit was really brought out. */
  timesApplied(environment: string, service: string, commit: string): number;
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

const APPLY = `
set -eu
environment=$1 service=$2 commit=$3
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
const OBSERVE = `
set -eu
gate "observe-$2"
[ ! -e "$root/running/$1/$2" ] || cat "$root/running/$1/$2"
`;

/** Makes the repositories and scripts. `services` says what each service depends on. */
export function createWorkspace(
  data: string,
  services: Readonly<Record<string, readonly string[]>>,
): Workspace {
  const directory = join(data, "team");
  const gates = createGates(directory);
  mkdirSync(join(directory, "broken"));
  gates.script("apply.sh", APPLY);
  gates.script("observe.sh", OBSERVE);
  for (const service of Object.keys(services)) {
    createRepository(join(directory, "repos", service));
  }
  const target = {
    kind: "command",
    apply: [join(directory, "bin/apply.sh"), "{environment}", "{service}", "{commit}"],
    observe: [join(directory, "bin/observe.sh"), "{environment}", "{service}"],
  };
  return {
    ...gates,
    target,
    config,
    commit: (service, title) => commitOn(join(directory, "repos", service), title),
    branch: (service, branch) => git(join(directory, "repos", service), "rev-parse", branch),
    running,
    timesApplied,
    lose: (environment, service) =>
      rmSync(join(directory, "running", environment, service), { force: true }),
    breakApply: (service, lines) => writeFileSync(join(directory, "broken", service), `${lines}\n`),
    repair: (service) => rmSync(join(directory, "broken", service), { force: true }),
  };

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
}
