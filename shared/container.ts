import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { createAuditServices } from "./app/audit/audit-services.ts";
import { createCatalogServices } from "./app/catalog/catalog-services.ts";
import { syncDeclaredServices } from "./app/catalog/sync-declared-services.ts";
import { createChatStoreServices } from "./app/chat-store/chat-store-services.ts";
import { createDeploymentServices } from "./app/deployments/deployment-services.ts";
import type { DeploymentDeps } from "./app/deployments/deps.ts";
import { createRepositoryFinder } from "./app/deployments/find-repository.ts";
import { environmentFacts } from "./app/environments/environment-facts.ts";
import { createEnvironmentServices } from "./app/environments/environment-services.ts";
import { recordBaselines } from "./app/environments/record-baseline.ts";
import { createLiveServices } from "./app/live/live-services.ts";
import { createNotificationServices } from "./app/notifications/notification-services.ts";
import { createEligiblePeople } from "./app/people/eligible-people.ts";
import { createPeopleServices, type PeopleModule } from "./app/people/people-services.ts";
import { can } from "./app/policies.ts";
import { createReleaseServices, type ReleaseModule } from "./app/releases/release-services.ts";
import { createRoomServices } from "./app/room/room-services.ts";
import type { Services } from "./app/services.ts";
import { createSessionServices } from "./app/sessions/session-services.ts";
import type { Config } from "./config/config.ts";
import type { Environment } from "./config/environment.ts";
import type { ClaimsSource } from "./core/ports/claims-source.ts";
import type { Clock } from "./core/ports/clock.ts";
import type { DeployTarget } from "./core/ports/deploy-target.ts";
import type { ScmProvider } from "./core/ports/scm.ts";
import { DEFAULT_SIGN_OFF_POLICY } from "./core/sign-off.ts";
import { openDatabase, type Database } from "./db/connect.ts";
import { createEventDeliveries, type EventDeliveries } from "./db/event-deliveries.ts";
import { migrate } from "./db/migrate.ts";
import { takeOver } from "./db/take-over.ts";
import { createUnitOfWork } from "./db/unit-of-work.ts";
import type { UnitOfWork } from "./db/unit-of-work.types.ts";
import { createWorkQueue, type EmbeddedWorkQueue } from "./db/work-queue.ts";
import { EnvironmentNotFound } from "./errors/catalog.ts";
import type { Subscriber } from "./events/events.ts";
import { createDeployTarget } from "./integrations/deploy/index.ts";
import { createScm } from "./integrations/scm/index.ts";
import { correlationId } from "./lib/correlation.ts";
import type { Logger } from "./lib/logger.ts";
import { systemTimers, type Timers } from "./lib/scheduler.ts";
import { openSecretBox } from "./lib/secret-box.ts";

export interface ContainerOptions {
  readonly config: Config;
  readonly environment: Environment;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly timers?: Timers;
  /** Where people reach us, without a slash at the end; asked each time, because a free port is known late. */
  readonly baseUrl: () => string;
  readonly claimsSource: ClaimsSource;
  /** A server works by itself and, where the database allows only one, keeps others out; a tool does one thing beside it. */
  readonly role: "server" | "tool";
}

/** Everything of `shared`, wired. Nothing in it works by itself: the services of the process start what they need. */
export interface Container {
  readonly services: Services;
  readonly releases: ReleaseModule;
  readonly people: PeopleModule;
  readonly deployments: DeploymentDeps;
  readonly database: Database;
  readonly uow: UnitOfWork;
  readonly queue: EmbeddedWorkQueue;
  readonly deliveries: EventDeliveries;
  /** Who hears of facts. Add to it before the first command is taken: deliveries are made at each commit. */
  readonly subscribers: Subscriber[];
  /** Called after each commit that brought facts. */
  onFacts(wake: () => void): void;
  /** Delivers now what these subscribers wait to try again. */
  deliverNow(subscribers: readonly string[]): Promise<void>;
  /**
   * Brings the database in step with the configuration and with whom the identity provider lists, and takes over what a
   * server that was killed had begun.
   */
  prepare(): Promise<void>;
  /** Deploys `branch` everywhere it never was, so that there is something to compare with. */
  recordBaselines(branch: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens and migrates the database and wires use cases to providers. Throws what opening and migrating throw, and DatabaseInUse
 * for a second server.
 */
export async function createContainer(options: ContainerOptions): Promise<Container> {
  const { config, logger, clock, baseUrl, timers = systemTimers } = options;
  await mkdir(config.dataDir, { recursive: true });
  const database = await openDatabase({ url: `sqlite:${config.database.storage}`, logger });
  const isAlone = options.role === "server" && (await database.dialect.claimSoleUse());
  await migrate(database, { logger });

  const stopping = new AbortController();
  const subscribers: Subscriber[] = [];
  const wakers: (() => void)[] = [];
  const live = createLiveServices({ logger, timers });
  const uow = createUnitOfWork({
    database,
    subscribers,
    correlationId,
    clock,
    logger,
    onCommit({ lastSeq, jobCount }) {
      if (lastSeq !== null) {
        live.wake();
        wakers.forEach((wake) => wake());
      }
      if (jobCount > 0) {
        queue.wake();
      }
    },
  });
  const queue = createWorkQueue({ database, uow, clock, logger, timers });
  const deliveries = createEventDeliveries({ database, uow, clock });

  const scms = createScms(options);
  const targets = createTargets(options);
  const sessions = createSessionServices({ uow, clock });
  const eligible = createEligiblePeople(config.auth.roles, clock);
  const people = createPeopleServices({
    uow,
    clock,
    logger,
    rules: config.auth.roles,
    claimsSource: options.claimsSource,
    secretBox: await openSecretBox(join(config.dataDir, "secret.key")),
    endSessions: (subject) => sessions.destroyAll({ subject }),
  });
  const releases = createReleaseServices({
    uow,
    clock,
    logger,
    scms,
    environments: config.environments,
    migrationPaths: config.migrationsPaths,
    baseUrl,
    async environmentFacts(name) {
      return { hasTarget: targets.has(name), ...(await environmentFacts(name, clock.now())) };
    },
    eligiblePeople: (roles, scope) => eligible.find(roles, scope),
    stopping: stopping.signal,
  });
  const deployments: DeploymentDeps = {
    uow,
    clock,
    timers,
    logger,
    baseUrl,
    environments: config.environments,
    targets(name) {
      const target = targets.get(name);
      if (!target) {
        throw new EnvironmentNotFound({ environment: name, known: [...targets.keys()] });
      }
      return target;
    },
    ...createRepositoryFinder(scms, clock),
    eligiblePeople: (roles, scope) => eligible.find(roles, scope),
  };

  const announcements = config.chat.announce.map(({ platform, channel, environments, teams }) => {
    return { place: `${platform}:${channel}`, environments, teams };
  });
  const services: Services = {
    releases: releases.services,
    deployments: createDeploymentServices(deployments),
    environments: createEnvironmentServices(
      { ...deployments, migrationPaths: config.migrationsPaths },
      releases.services,
    ),
    catalog: createCatalogServices({ uow, clock }),
    audit: createAuditServices(),
    people: people.services,
    notifications: createNotificationServices({
      uow,
      clock,
      platforms: [
        ...(config.chat.room.enabled ? ["room"] : []),
        ...config.chat.platforms.map(({ id }) => id),
      ],
    }),
    sessions,
    live,
    room: createRoomServices({ database, uow, clock, logger }),
    chatStore: createChatStoreServices({ uow, clock }),
    installation: {
      get baseUrl() {
        return baseUrl();
      },
      environments: config.environments.map(({ name, branch }) => ({ name, branch })),
      signOffRoles: signOffRoles(config),
      repositories: () => releases.repositories(),
      announce: [...new Set(announcements.map(({ place }) => place))],
      announcements,
      sample: config.file === null,
    },
    can: (actor, permission, scope) => can(actor, permission, scope).ok,
  };

  return {
    services,
    releases,
    people,
    deployments,
    database,
    uow,
    queue,
    deliveries,
    subscribers,
    onFacts: (wake) => void wakers.push(wake),
    async deliverNow(names) {
      if ((await deliveries.hurry(names)) > 0) {
        wakers.forEach((wake) => wake());
      }
    },
    async prepare() {
      if (isAlone) {
        await takeOver(uow);
      }
      await syncDeclaredServices({ uow, clock }, config.services);
      await people.learnDirectory();
    },
    recordBaselines: (branch) => recordBaselines(deployments, branch),
    async close() {
      stopping.abort();
      live.stop();
      await database.close();
    },
  };
}

function createScms({ config, environment, logger }: ContainerOptions): readonly ScmProvider[] {
  return config.repositories.map((entry) =>
    createScm(entry, {
      id: entry.id,
      dataDirectory: config.dataDir,
      baseDir: config.baseDir,
      processEnvironment: environment,
      logger,
    }),
  );
}

function createTargets({
  config,
  environment,
  clock,
}: ContainerOptions): ReadonlyMap<string, DeployTarget> {
  const secrets = config.secrets.map((secret) => secret.reveal());
  return new Map(
    config.environments.map(({ name, target }) => [
      name,
      createDeployTarget(target, {
        environment: name,
        baseDir: config.baseDir,
        processEnvironment: environment,
        secrets,
        clock,
      }),
    ]),
  );
}

function signOffRoles(config: Config): readonly string[] {
  const policies = [
    DEFAULT_SIGN_OFF_POLICY,
    ...config.environments.map((environment) => environment.signOff),
  ];
  return [...new Set(policies.flatMap((policy) => Object.keys(policy.roles)))];
}
