import { DEFAULT_MIGRATION_PATHS } from "../../../core/flags.ts";
import { systemActor, type Actor } from "../../../core/actor.ts";
import type { DeployTarget } from "../../../core/ports/deploy-target.ts";
import type { ScmProvider } from "../../../core/ports/scm.ts";
import {
  DEFAULT_SIGN_OFF_POLICY,
  NO_SIGN_OFF_POLICY,
  type SignOffPolicy,
} from "../../../core/sign-off.ts";
import type { DeploymentRow } from "../../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../../db/rows/deployment-step.ts";
import { EventRow } from "../../../db/rows/event.ts";
import { PersonRow } from "../../../db/rows/person.ts";
import type { ReleaseRow } from "../../../db/rows/release.ts";
import { ReleaseItemRow } from "../../../db/rows/release-item.ts";
import { ServiceRow } from "../../../db/rows/service.ts";
import { SignOffRow } from "../../../db/rows/sign-off.ts";
import { newId } from "../../../lib/ids.ts";
import type { ManualClock } from "../../../testing/clock.ts";
import {
  createFakeDeployTarget,
  type FakeDeployTarget,
} from "../../../testing/fake-deploy-target.ts";
import { createFakeScm, type FakeScm, type FakeScmOptions } from "../../../testing/fake-scm.ts";
import { createTestDatabase, type TestDatabase } from "../../../testing/test-database.ts";
import type { EnvironmentSettings } from "../../environments/environment-settings.ts";
import { createEnvironmentObserver } from "../../environments/observe-environment.ts";
import type { EnvironmentDeps } from "../../environments/environment-queries.ts";
import type { PromotionDeps } from "../../environments/promote-environment.ts";
import { openRelease, type NewItem } from "../../releases/open-release.ts";
import { signedContent } from "../../releases/release-rows.ts";
import { settleRelease } from "../../releases/settle-release.ts";
import { createRepositoryFinder } from "../find-repository.ts";
import { createDeploymentRunner, type DeploymentRunner } from "../deployment-runner.ts";
import type { RunDeps } from "../run-deployment.ts";

export const DANA = person("dana", "Dana", "dev");
export const QUINN = person("quinn", "Quinn", "qa");
export const OLIVIA = person("olivia", "Olivia", "operator");
export const VIC = person("vic", "Vic", "viewer");
const PEOPLE = [DANA, QUINN, OLIVIA, VIC];

/** Somebody with one role everywhere. */
function person(username: string, name: string, role: string): Actor {
  return {
    ...systemActor,
    kind: "person",
    subject: `sub-${username}`,
    username,
    name,
    email: `${username}@example.com`,
    grants: [{ role }],
    via: { platform: "api" },
  };
}

export interface DeploymentFixture {
  readonly db: TestDatabase;
  readonly clock: ManualClock;
  readonly scm: FakeScm;
  /** Targets by environment. */
  readonly targets: Readonly<Record<string, FakeDeployTarget>>;
  readonly prod: FakeDeployTarget;
  readonly preprod: FakeDeployTarget;
  readonly deps: EnvironmentDeps & PromotionDeps;
  readonly runner: DeploymentRunner;
  /** Another process with a runner of its own. */
  createRunner(options?: Partial<RunDeps>): DeploymentRunner;
  /** Makes services with their repositories, a commit on master, and what they depend on by default. */
  addServices(services: Readonly<Record<string, readonly string[]>>): Promise<void>;
  /** Commits to `uat` of each service and makes a release `uat → master` of them. */
  addRelease(
    services: Readonly<Record<string, readonly string[]>>,
    options?: {
      readonly target?: string | null;
      readonly migrations?: readonly string[];
      readonly excluded?: readonly string[];
    },
  ): Promise<ReleaseRow>;
  /** Signs what the release holds now. */
  sign(release: ReleaseRow, actor: Actor, role: string): Promise<SignOffRow>;
  /** Both roles of the default policy. */
  signAll(release: ReleaseRow): Promise<void>;
  /** Runs a deployment to its end, moving time while it waits. */
  finish(deployment: DeploymentRow, runner?: DeploymentRunner): Promise<DeploymentRow>;
  /** Moves time, in small steps, until the work is done. */
  whileTimePasses<T>(work: Promise<T>): Promise<T>;
  /** `wave service stage status`, in order. */
  steps(deployment: DeploymentRow): Promise<readonly string[]>;
  /** Names of the facts recorded so far, with the given prefix. */
  events(prefix?: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function createDeploymentFixture(
  options: {
    readonly environments?: readonly Partial<EnvironmentSettings>[];
    readonly wrapTarget?: (target: FakeDeployTarget) => DeployTarget;
    readonly wrapScm?: (scm: ScmProvider) => ScmProvider;
    readonly scmOptions?: FakeScmOptions;
  } = {},
): Promise<DeploymentFixture> {
  const db = await createTestDatabase();
  const { clock } = db;
  const scm = createFakeScm(options.scmOptions);
  const provider = options.wrapScm?.(scm) ?? scm;
  const given = new Map(options.environments?.map((one) => [one.name, one]));
  const environments = [
    { ...settings("preprod", "uat", NO_SIGN_OFF_POLICY), ...given.get("preprod") },
    { ...settings("prod", "master", DEFAULT_SIGN_OFF_POLICY), ...given.get("prod") },
  ];
  const prod = createFakeDeployTarget(clock);
  const preprod = createFakeDeployTarget(clock);
  const targets: Record<string, FakeDeployTarget> = { prod, preprod };
  const shown: Record<string, DeployTarget> = {
    prod: options.wrapTarget?.(prod) ?? prod,
    preprod: options.wrapTarget?.(preprod) ?? preprod,
  };
  const base = {
    uow: db.uow,
    clock,
    timers: clock,
    logger: db.logger,
    migrationPaths: DEFAULT_MIGRATION_PATHS,
    baseUrl: () => "http://localhost:8080",
    environments,
    targets: (environment: string) => shown[environment] ?? prod,
    ...createRepositoryFinder([provider], clock),
    eligiblePeople: async () => ({ dev: [DANA], qa: [QUINN] }),
  };
  const deps: EnvironmentDeps & PromotionDeps = {
    ...base,
    observer: createEnvironmentObserver(base),
  };

  await db.uow.run(async (tx) => {
    for (const actor of PEOPLE) {
      await PersonRow.create(
        {
          subject: actor.subject,
          username: actor.username,
          name: actor.name,
          email: actor.email,
          issuer: "test",
          claims: { groups: [], realmRoles: [], clientRoles: [] },
          claimsCheckedAt: clock.now(),
          active: true,
          createdAt: clock.now(),
        },
        { transaction: tx.sequelize },
      );
    }
  });

  let runnerCount = 0;
  const runner = createRunner();
  return {
    db,
    clock,
    scm,
    targets,
    prod,
    preprod,
    deps,
    runner,
    createRunner,
    addServices,
    addRelease,
    sign,
    async signAll(release) {
      await sign(release, DANA, "dev");
      await sign(release, QUINN, "qa");
    },
    async finish(deployment, by = runner) {
      await whileTimePasses(by.advance(deployment.id));
      return deployment.reload();
    },
    whileTimePasses,
    async steps(deployment) {
      const rows = await DeploymentStepRow.findAll({
        where: { deploymentId: deployment.id },
        order: [["position", "ASC"]],
      });
      return rows.map((row) => `${row.wave} ${row.service} ${row.stage} ${row.status}`);
    },
    async events(prefix = "") {
      const rows = await EventRow.findAll({ order: [["seq", "ASC"]] });
      return rows.map((row) => row.name).filter((name) => name.startsWith(prefix));
    },
    async close() {
      await runner.stop();
      await db.close();
    },
  };

  function createRunner(own: Partial<RunDeps> = {}): DeploymentRunner {
    runnerCount += 1;
    const runDeps: RunDeps = {
      ...base,
      owner: `runner-${runnerCount}`,
      leaseMs: 15_000,
      heartbeatMs: 5_000,
      stopGraceMs: 2_000,
      parallel: 10,
      isOwnerDead: () => false,
      ...own,
    };
    return createDeploymentRunner(runDeps);
  }

  async function addServices(services: Readonly<Record<string, readonly string[]>>) {
    for (const name of Object.keys(services)) {
      scm.repository(name).commit("master", { title: "feat: begin", files: { "a.txt": "1" } });
      scm.repository(name).move("uat", scm.repository(name).tip("master") ?? "");
    }
    await db.uow.run(async (tx) => {
      for (const [name, dependsOn] of Object.entries(services)) {
        await ServiceRow.create(
          {
            name,
            repository: name,
            path: "",
            dependsOn,
            origin: "discovered",
            updatedAt: clock.now(),
          },
          { transaction: tx.sequelize },
        );
      }
    });
  }

  async function addRelease(
    services: Readonly<Record<string, readonly string[]>>,
    how: {
      readonly target?: string | null;
      readonly migrations?: readonly string[];
      readonly excluded?: readonly string[];
    } = {},
  ): Promise<ReleaseRow> {
    const items = Object.entries(services).map(([service, dependsOn]): NewItem => {
      const repository = scm.repository(service);
      const baseSha = repository.tip("master") ?? null;
      const headSha = repository.commit("uat", {
        title: "feat: more",
        files: { "a.txt": newId() },
      });
      return {
        service,
        repository: service,
        path: "",
        baseSha,
        headSha,
        mergeBaseSha: baseSha,
        commitCount: 1,
        fileCount: 1,
        migrations: how.migrations?.includes(service) ? ["db/migrations/1.sql"] : [],
        patchIdentity: `patch-${headSha}`,
        excluded: how.excluded?.includes(service) ?? false,
        dependsOn,
      };
    });
    return db.uow.run(async (tx) => {
      const row = await openRelease(base, tx, OLIVIA, {
        kind: "branch",
        sourceBranch: "uat",
        destinationBranch: "master",
        targetEnvironment: how.target === undefined ? "prod" : how.target,
        openKey: newId(),
        notes: "",
        draftNotes: "",
        breakingChanges: "",
        items,
      });
      return row.reload({ transaction: tx.sequelize });
    });
  }

  async function sign(release: ReleaseRow, actor: Actor, role: string): Promise<SignOffRow> {
    const items = await ReleaseItemRow.findAll({ where: { releaseId: release.id } });
    return db.uow.run(async (tx) => {
      const row = await SignOffRow.create(
        {
          id: newId(),
          releaseId: release.id,
          role,
          subject: actor.subject,
          fingerprint: release.fingerprint,
          content: signedContent(items),
          byAuthor: false,
          platform: "api",
          signedAt: clock.now(),
        },
        { transaction: tx.sequelize },
      );
      await settleRelease(base, tx, release.id, { actor, why: "" });
      await release.reload({ transaction: tx.sequelize });
      return row;
    });
  }

  async function whileTimePasses<T>(work: Promise<T>): Promise<T> {
    let isOver = false;
    const watched = work.finally(() => {
      isOver = true;
    });
    watched.catch(() => undefined);
    while (!isOver) {
      // Behind every waiting write: however slow the machine is, time does not run away from the database.
      await db.uow.run(async () => undefined);
      await clock.advance(100);
    }
    return watched;
  }
}

function settings(name: string, branch: string, signOff: SignOffPolicy): EnvironmentSettings {
  return {
    name,
    branch,
    promoteFrom: null,
    signOff,
    land: "after",
    target: { kind: "fake" },
    timeouts: { deployMs: 60_000, migrateMs: 60_000, verifyMs: 30_000 },
    settleMs: 0,
  };
}
