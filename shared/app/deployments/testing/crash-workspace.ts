import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readEnvironment } from "../../../config/environment.ts";
import { systemActor } from "../../../core/actor.ts";
import { NO_SIGN_OFF_POLICY } from "../../../core/sign-off.ts";
import { ServiceRow } from "../../../db/rows/service.ts";
import type { UnitOfWork } from "../../../db/unit-of-work.types.ts";
import { createCommandTarget } from "../../../integrations/deploy/command/index.ts";
import { CommandOptions } from "../../../integrations/deploy/command/options.ts";
import { gitScm } from "../../../integrations/scm/git/index.ts";
import { commitTo, initRepository } from "../../../integrations/scm/git/testing/git-workbench.ts";
import { newId } from "../../../lib/ids.ts";
import { createLogger } from "../../../lib/logger.ts";
import { systemTimers } from "../../../lib/scheduler.ts";
import type { EnvironmentSettings } from "../../environments/environment-settings.ts";
import { openRelease } from "../../releases/open-release.ts";
import type { DeploymentDeps } from "../deps.ts";
import { createRepositoryFinder } from "../find-repository.ts";
import { requestDeployment } from "../request-deployment.ts";

/** Brings a version, and leaves a line that it did; takes as long as there is a file called hold. */
const APPLY = `#!/bin/sh
set -eu
echo "$SLIPWAY_SERVICE" >> "$PLACE/applied.log"
while [ -e "$PLACE/hold" ]; do sleep 0.02; done
printf '%s %s\\n' "$SLIPWAY_VERSION" "$SLIPWAY_COMMIT" > "$PLACE/$SLIPWAY_SERVICE.new"
mv "$PLACE/$SLIPWAY_SERVICE.new" "$PLACE/$SLIPWAY_SERVICE.running"
`;
const MIGRATE = `#!/bin/sh
set -eu
echo "$SLIPWAY_SERVICE" >> "$PLACE/migrated.log"
`;
const OBSERVE = `#!/bin/sh
set -eu
[ ! -f "$PLACE/$1.running" ] || cat "$PLACE/$1.running"
`;

const ENVIRONMENT: EnvironmentSettings = {
  name: "prod",
  branch: "trunk",
  promoteFrom: null,
  signOff: NO_SIGN_OFF_POLICY,
  land: "after",
  target: { kind: "command" },
  timeouts: { deployMs: 60_000, migrateMs: 60_000, verifyMs: 60_000 },
  settleMs: 0,
};

/** The services, with what they depend on. */
export const CRASH_SERVICES: Readonly<Record<string, readonly string[]>> = {
  auth: [],
  api: ["auth"],
};

/** What a process that runs deployments is made of here: real git, real commands, real time. */
export function crashDeps(folder: string, uow: UnitOfWork): DeploymentDeps {
  const logger = createLogger({ level: "silent" });
  const clock = { now: () => new Date() };
  const processEnvironment = readEnvironment();
  const target = createCommandTarget(
    CommandOptions.parse({
      apply: [join(folder, "apply.sh")],
      migrate: [join(folder, "migrate.sh")],
      observe: [join(folder, "observe.sh"), "{service}"],
      env: { PLACE: folder },
    }),
    {
      environment: ENVIRONMENT.name,
      baseDir: folder,
      processEnvironment,
      secrets: [],
      clock,
    },
  );
  const scm = gitScm.create(gitScm.options.parse({ root: join(folder, "repos") }), {
    id: "git:0",
    baseDir: folder,
    dataDirectory: join(folder, "data"),
    processEnvironment,
    logger,
  });
  return {
    uow,
    clock,
    timers: systemTimers,
    logger,
    baseUrl: () => "http://localhost",
    environments: [ENVIRONMENT],
    targets: () => target,
    ...createRepositoryFinder([scm], clock),
    eligiblePeople: async () => ({}),
  };
}

/** Makes the scripts, the repositories and one release of new commits; answers the deployment that is to bring it. */
export async function prepareCrash(
  folder: string,
  uow: UnitOfWork,
  options: { readonly withMigration: boolean },
): Promise<{ readonly deploymentId: string; readonly heads: Readonly<Record<string, string>> }> {
  for (const [name, script] of [
    ["apply.sh", APPLY],
    ["migrate.sh", MIGRATE],
    ["observe.sh", OBSERVE],
  ] as const) {
    await writeFile(join(folder, name), script);
    await chmod(join(folder, name), 0o755);
  }
  await mkdir(join(folder, "repos"));
  const heads: Record<string, string> = {};
  const bases: Record<string, string> = {};
  for (const service of Object.keys(CRASH_SERVICES)) {
    const repository = join(folder, "repos", service);
    await initRepository(repository, "bare");
    const base = await commitTo(repository, "trunk", { title: "begin", files: { a: "1" } });
    bases[service] = base;
    heads[service] = await commitTo(repository, "uat", {
      title: "more",
      files: { a: "2" },
      parents: [base],
    });
  }
  const deps = crashDeps(folder, uow);
  const number = await uow.run(async (tx) => {
    for (const [name, dependsOn] of Object.entries(CRASH_SERVICES)) {
      await ServiceRow.create(
        {
          name,
          repository: name,
          path: "",
          dependsOn,
          origin: "declared",
          updatedAt: new Date(),
        },
        { transaction: tx.sequelize },
      );
    }
    const release = await openRelease(deps, tx, systemActor, {
      kind: "branch",
      sourceBranch: "uat",
      destinationBranch: "trunk",
      targetEnvironment: ENVIRONMENT.name,
      openKey: newId(),
      notes: "",
      draftNotes: "",
      breakingChanges: "",
      items: Object.entries(CRASH_SERVICES).map(([service, dependsOn]) => ({
        service,
        repository: service,
        path: "",
        baseSha: bases[service] ?? null,
        headSha: heads[service] ?? null,
        commitCount: 1,
        migrations: options.withMigration && service === "auth" ? ["db/1.sql"] : [],
        dependsOn,
      })),
    });
    return release.number;
  });
  const row = await requestDeployment(deps, systemActor, number, {});
  return { deploymentId: row.id, heads };
}

/** How often each service was applied or migrated: one line for each time. */
export async function effectLines(
  folder: string,
  log: "applied.log" | "migrated.log",
): Promise<readonly string[]> {
  const text = await readFile(join(folder, log), "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return "";
    }
    throw error;
  });
  return text.split("\n").filter((line) => line !== "");
}
