import { createAccountServices } from "./app/accounts/account-services.ts";
import { createAuditServices } from "./app/audit/audit-services.ts";
import { createBackgroundWorkServices } from "./app/background-work/background-work-services.ts";
import { createCatalogServices } from "./app/catalog/catalog-services.ts";
import { syncDeclaredServices } from "./app/catalog/sync-declared-services.ts";
import { createChatInbox, type ChatInbox } from "./app/chat-inbox/chat-inbox.ts";
import { createChatStoreServices } from "./app/chat-store/chat-store-services.ts";
import { createDeploymentServices } from "./app/deployments/deployment-services.ts";
import type { DeploymentDeps } from "./app/deployments/deps.ts";
import { createRepositoryFinder } from "./app/deployments/find-repository.ts";
import { createRepositoryFiles } from "./app/deployments/repository-files.ts";
import { environmentFacts } from "./app/environments/environment-facts.ts";
import { createEnvironmentServices } from "./app/environments/environment-services.ts";
import { recordBaselines } from "./app/environments/record-baseline.ts";
import { createForgeModule, type ForgeModule } from "./app/forges/forge-module.ts";
import { watchScm, type WatchedScm } from "./app/forges/watch-scm.ts";
import { createLiveServices } from "./app/live/live-services.ts";
import { createNotificationServices } from "./app/notifications/notification-services.ts";
import { createEligiblePeople } from "./app/people/eligible-people.ts";
import { createPeopleServices, type PeopleModule } from "./app/people/people-services.ts";
import { can } from "./app/policies.ts";
import { createReleaseServices, type ReleaseModule } from "./app/releases/release-services.ts";
import { createRoomAcross } from "./app/room/room-across.ts";
import { createRoomServices } from "./app/room/room-services.ts";
import type { Services } from "./app/services.ts";
import { createSessionServices } from "./app/sessions/session-services.ts";
import { recoverInterruptedRestore } from "./backup/restore-backup.ts";
import { databaseUrl, type Config, type DatabaseConfig } from "./config/config.ts";
import type { Environment } from "./config/environment.ts";
import { Secret } from "./config/secret.ts";
import type { ClaimsSource } from "./core/ports/claims-source.ts";
import type { Clock } from "./core/ports/clock.ts";
import type { DeployTarget } from "./core/ports/deploy-target.ts";
import type { HttpCache } from "./core/ports/http-cache.ts";
import { DEFAULT_SIGN_OFF_POLICY } from "./core/sign-off.ts";
import { agreeOn } from "./db/common-settings.ts";
import { openDatabase, type Database } from "./db/connect.ts";
import { createDatabaseCopier } from "./db/database-copier.ts";
import { createDeadDeliveries } from "./db/dead-work.ts";
import { createEventDeliveries, type EventDeliveries } from "./db/event-deliveries.ts";
import { createHttpCache } from "./db/http-cache.ts";
import { migrate } from "./db/migrate.ts";
import { createProcesses, type Processes } from "./db/processes.ts";
import type { Signals } from "./db/signals.ts";
import { takeOver } from "./db/take-over.ts";
import { createUnitOfWork } from "./db/unit-of-work.ts";
import type { UnitOfWork } from "./db/unit-of-work.types.ts";
import type { RunningWorkQueue } from "./db/work-queue.types.ts";
import { openDataFolder } from "./data-folder.ts";
import { EnvironmentNotFound, SecretKeyDiffers } from "./errors/catalog.ts";
import type { Subscriber } from "./events/events.ts";
import type { RepositoryFiles } from "./integrations/deploy/definition.ts";
import { createDeployTarget } from "./integrations/deploy/index.ts";
import { createScm } from "./integrations/scm/index.ts";
import { correlationId } from "./lib/correlation.ts";
import type { Logger } from "./lib/logger.ts";
import { processIdentity } from "./lib/process-identity.ts";
import { systemTimers, type Timers } from "./lib/scheduler.ts";
import { readInstallationKeys } from "./lib/installation-keys.ts";
import { createSecretBox } from "./lib/secret-box.ts";

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
  readonly forges: ForgeModule;
  readonly deployments: DeploymentDeps;
  readonly database: Database;
  readonly uow: UnitOfWork;
  readonly queue: RunningWorkQueue;
  readonly deliveries: EventDeliveries;
  /**
   * Who hears of facts, in whichever process. Add to it before the first command is taken: deliveries are made at each commit.
   */
  readonly subscribers: Subscriber[];
  /** What commits wake, in this process and in others. */
  readonly signals: Signals;
  /** Delivers now what these subscribers wait to try again. */
  deliverNow(subscribers: readonly string[]): Promise<void>;
  /** What the processes of an installation agree on among themselves. */
  readonly processes: Processes;
  /** What is handed to the process that runs chat. */
  readonly inbox: ChatInbox;
  /** Signs cookies; the same for every process. */
  readonly cookieSecret: Secret;
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
  openDataFolder(config.dataDir);
  if (
    await recoverInterruptedRestore({
      copier: createDatabaseCopier(databaseUrl(config), options.environment),
      dataDir: config.dataDir,
    })
  ) {
    logger.warn("a restore was interrupted; what was there before it is back in place");
  }
  const database = await openConfigured(config.database, logger);
  const { dialect } = database;
  const isServer = options.role === "server";
  const isAlone = isServer && (await dialect.claimSoleUse());
  await migrate(database, { logger });

  const identity = processIdentity();
  const stopping = new AbortController();
  const subscribers: Subscriber[] = [];
  const signals = await dialect.openSignals({ listens: isServer, logger, timers });
  const jobs = dialect.openJobs({ logger });
  const live = createLiveServices({ logger, timers });
  const uow = createUnitOfWork({
    database,
    subscribers,
    correlationId,
    clock,
    logger,
    enqueue: (transaction, job, now) => jobs.enqueue(transaction, job, now),
    signals,
  });
  const queue = jobs.createQueue({ uow, clock, logger, timers });
  signals.on("facts", () => live.wake());
  signals.on("jobs", () => queue.wake());
  const keys = await readInstallationKeys({
    dataDirectory: config.dataDir,
    secret: config.secretKey?.reveal() ?? null,
  });
  const processes = createProcesses({ database, uow, signals, owner: identity, logger, timers });
  if (dialect.servesManyWriters) {
    const common = await agreeOn(uow, "keys", keys.fingerprint);
    if (common !== keys.fingerprint) {
      throw new SecretKeyDiffers({ own: keys.fingerprint, common });
    }
  }
  const isAnybodyThere = async () => (await processes.chat.leader()) !== null;
  const inbox = createChatInbox({ uow, signals, clock, logger, timers, isAnybodyThere });
  const across = dialect.servesManyWriters
    ? createRoomAcross({ database, uow, signals, inbox, logger, timers, isAnybodyThere })
    : undefined;
  const deliveries = createEventDeliveries({ database, uow, clock });

  const scms = createScms(options, createHttpCache({ uow, clock, logger }));
  const finder = createRepositoryFinder(scms, clock);
  const forges = createForgeModule(
    { uow, clock, logger, baseUrl, environments: config.environments, ...finder },
    scms,
  );
  subscribers.push(...forges.subscribers);
  const targets = createTargets(options, createRepositoryFiles(finder));
  const sessions = createSessionServices({ uow, clock });
  const eligible = createEligiblePeople(config.auth.roles, clock);
  const people = createPeopleServices({
    uow,
    clock,
    logger,
    rules: config.auth.roles,
    claimsSource: options.claimsSource,
    secretBox: createSecretBox(keys.box),
    exclusive: processes.exclusive,
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
    ...finder,
    eligiblePeople: (roles, scope) => eligible.find(roles, scope),
  };

  const announcements = config.chat.announce.map(({ platform, channel, environments, teams }) => {
    return { place: `${platform}:${channel}`, environments, teams };
  });
  const chats = [
    ...(config.chat.room.enabled ? ["room"] : []),
    ...config.chat.platforms.map(({ id }) => id),
  ];
  const services: Services = {
    releases: releases.services,
    deployments: createDeploymentServices(deployments),
    environments: createEnvironmentServices(
      { ...deployments, migrationPaths: config.migrationsPaths },
      releases.services,
    ),
    catalog: createCatalogServices({ uow, clock }),
    audit: createAuditServices(),
    backgroundWork: createBackgroundWorkServices({
      uow,
      jobs: jobs.deadJobs({ clock }),
      deliveries: createDeadDeliveries({ clock }),
    }),
    people: people.services,
    accounts: createAccountServices({ uow, clock, baseUrl }),
    notifications: createNotificationServices({ uow, clock, platforms: chats }),
    sessions,
    live,
    room: createRoomServices({ database, uow, clock, logger, ...(across && { exchange: across }) }),
    chatStore: createChatStoreServices({ uow, clock, taker: identity }),
    installation: {
      get baseUrl() {
        return baseUrl();
      },
      environments: config.environments.map(({ name, branch }) => ({ name, branch })),
      signOffRoles: signOffRoles(config),
      chats,
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
    forges,
    deployments,
    database,
    uow,
    queue,
    deliveries,
    subscribers,
    signals,
    async deliverNow(names) {
      if ((await deliveries.hurry(names)) > 0) {
        signals.emit(["facts"]);
      }
    },
    processes,
    inbox,
    cookieSecret: new Secret(keys.cookie),
    async prepare() {
      if (isAlone) {
        await takeOver(uow);
      }
      await Promise.all(
        [...targets.values()].map(async (target) => target.check?.(stopping.signal)),
      );
      await processes.exclusive("prepare", async () => {
        await syncDeclaredServices({ uow, clock }, config.services);
        await people.learnDirectory();
      });
    },
    recordBaselines: (branch) => recordBaselines(deployments, branch),
    async close() {
      stopping.abort();
      live.stop();
      across?.stop();
      await signals.stop();
      await database.close();
    },
  };
}

function openConfigured(database: DatabaseConfig, logger: Logger): Promise<Database> {
  return database.dialect === "sqlite"
    ? openDatabase({ url: `sqlite:${database.storage}`, logger })
    : openDatabase({ ...database, url: database.url.reveal(), logger });
}

function createScms(
  { config, environment, logger, clock }: ContainerOptions,
  httpCache: HttpCache,
): readonly WatchedScm[] {
  return config.repositories.map((entry) => {
    const scm = createScm(entry, {
      id: entry.id,
      dataDirectory: config.dataDir,
      baseDir: config.baseDir,
      processEnvironment: environment,
      logger,
      httpCache,
    });
    return watchScm(scm, clock);
  });
}

function createTargets(
  { config, environment, clock }: ContainerOptions,
  repositoryFiles: RepositoryFiles,
): ReadonlyMap<string, DeployTarget> {
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
        repositoryFiles,
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
