import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { fileURLToPath } from "node:url";
import type { OidcClient } from "../../dashboard/server/auth/oidc.ts";
import type { PartState } from "../../dashboard/server/routes/health.ts";
import type { PlatformWebhook } from "../../dashboard/server/routes/platform-webhooks.ts";
import { baseUrlAt, type Config } from "../../shared/config/config.ts";
import type { Environment } from "../../shared/config/environment.ts";
import type { ConnectionView } from "../../shared/contract/connection.ts";
import type { LinkView } from "../../shared/contract/link.ts";
import { openDataFolder } from "../../shared/data-folder.ts";
import { createContainer, type Container } from "../../shared/container.ts";
import { systemActor } from "../../shared/core/actor.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import {
  EmbeddedIdentityTaken,
  PortInUse,
  ServicesInvalid,
  ShuttingDown,
} from "../../shared/errors/catalog.ts";
import { createDrainer } from "../../shared/lib/drainer.ts";
import { createLogger, type Logger } from "../../shared/lib/logger.ts";
import { spokenIdentity } from "../../shared/lib/process-identity.ts";
import { createSampleWorkspace } from "../../shared/sample/sample-workspace.ts";
import type { ChatPlatform } from "../chat/platform.ts";
import { platforms as platformEntries } from "../platforms/index.ts";
import { createChat, type PlatformStatus } from "./chat.ts";
import { startChatLeader, type ChatLeader } from "./chat-leader.ts";
import { createChatWebhooks } from "./chat-webhooks.ts";
import { startHealth } from "./health.ts";
import { loadInstallation, sampleDirectory } from "./load-installation.ts";
import { SERVICE_NAMES, type ServiceName, type Stoppable } from "./running-service.ts";
import { createIdentity, createIdentityElsewhere, startWeb } from "./web.ts";
import { startWorker } from "./worker.ts";

/** What the sample's first start deploys everywhere. */
const BASELINE_BRANCH = "master";
/** A process is asked to end within ten seconds; what has not ended by then is cut off and resumed at the next start. */
const STOP_MS = 8_500;
const DRAIN_MS = 3_000;

/** The right to be the embedded identity provider. */
const EMBEDDED_IDENTITY = "embedded-identity";

const clock = { now: () => new Date() };

/** Runs Slipway until it is asked to stop. Ends the process; mistakes are printed in words, with what to do. */
export async function runServer(options: {
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly cwd: string;
  /**
   * The workspace is the sample, as it is without a configuration: the first start brings something to compare with
   * everywhere, and every start tells what to do, and these notes.
   */
  readonly sample?: { readonly notes: readonly string[] };
}): Promise<void> {
  try {
    await start(options);
  } catch (error) {
    if (!(error instanceof AppError)) {
      throw error;
    }
    process.stderr.write(`slipway: ${error.message}\n${error.remedy ? `${error.remedy}\n` : ""}`);
    process.exit(1);
  }
}

async function start(options: Parameters<typeof runServer>[0]): Promise<void> {
  const { environment, cwd } = options;
  const config = loadInstallation({ environment, cwd });
  const wanted = readServices(options.args);
  refuseSplitOnSqlite(wanted, config);
  const logger = createLogger({ secrets: config.secrets.map((secret) => secret.reveal()) });
  process.on("unhandledRejection", (error) => {
    logger.error({ err: error }, "a promise was rejected and nobody took it");
  });

  // Before anything is touched: a second server on the same port must not get as far as the database.
  const server = await listen(wanted, config);
  const isWeb = wanted.includes("web");
  const baseUrl = baseUrlAt(config.server, (isWeb && server?.port) || config.server.port);
  openDataFolder(config.dataDir);
  if (config.file === null) {
    await createSampleWorkspace(sampleDirectory(config.dataDir), {
      now: clock.now(),
      processEnvironment: environment,
    });
  }
  const identity = isWeb ? await createIdentity({ config, baseUrl, clock, logger }) : undefined;
  const elsewhere = identity ?? (await createIdentityElsewhere({ config, baseUrl, clock, logger }));
  const container = await createContainer({
    role: "server",
    config,
    environment,
    logger,
    clock,
    baseUrl: () => baseUrl,
    claimsSource: elsewhere.claimsSource,
  });
  const held = identity?.embedded ? await holdEmbeddedIdentity(container) : undefined;
  await container.prepare();

  const running: Stoppable[] = [];
  const drainer = createDrainer(() => new ShuttingDown({}));
  let isStopping = false;
  process.on("SIGTERM", () => void stop());
  process.on("SIGINT", () => void stop());

  const createPlatforms = () => platformsOf(config, container, logger);
  const dormant = createPlatforms();
  // Before anybody can act: what they do must be announced, by whichever process runs chat.
  const { subscribers } = createChat({
    services: container.services,
    platforms: dormant,
    systemActor,
    drainer,
    logger,
    deliverNow: (subscribers) => container.deliverNow(subscribers),
    clock,
  });
  const ofChat = subscribers.map(({ name }) => name);
  container.subscribers.push(...subscribers);
  if (wanted.includes("worker")) {
    running.push(await startWorker({ container, ofChat, clock, logger }));
  }
  let leader: ChatLeader | undefined;
  if (wanted.includes("chat")) {
    leader = startChatLeader({ container, createPlatforms, ofChat, drainer, clock, logger });
    running.push(leader);
    await leader.firstTry;
  }
  const report = {
    connections: () => connections(container, identity?.oidc, leader),
    part: () => describePart(wanted, container),
  };
  if (server && identity) {
    running.push(
      await startWeb({
        server: server.http,
        config,
        container,
        identity,
        baseUrl,
        webRoot: fileURLToPath(new URL("../../web", import.meta.url)),
        webhooks: new Map([
          ...createChatWebhooks({ platforms: dormant, leader, inbox: container.inbox }),
          ...forgeWebhooks(container),
        ]),
        ...report,
        drainer,
        clock,
        logger,
      }),
    );
  } else if (server) {
    running.push(startHealth({ server: server.http, ...report, drainer }));
  }
  logger.info({ baseUrl, services: wanted }, "ready");
  const sample = options.sample ?? (config.file === null ? { notes: [] } : undefined);
  if (isWeb && sample) {
    printWelcome(baseUrl, sample.notes);
  }
  if (sample && wanted.includes("worker")) {
    container.recordBaselines(BASELINE_BRANCH).catch((error: unknown) => {
      logger.error({ err: error }, "recording the baseline failed");
    });
  }

  async function stop(): Promise<void> {
    if (isStopping) {
      return;
    }
    isStopping = true;
    logger.info("stopping");
    const cutOff = setTimeout(() => {
      logger.warn("stopped without waiting any longer");
      process.exit(0);
    }, STOP_MS);
    cutOff.unref();
    if (container.processes.areMany) {
      // Another process takes over before this one would ask anybody to come back later.
      await leader?.stop();
    }
    await drainer.drain(DRAIN_MS);
    await Promise.allSettled(running.reverse().map((service) => service.stop()));
    await held?.release();
    await container.close();
    logger.info("stopped");
    process.exit(0);
  }
}

function forgeWebhooks({ forges }: Container): readonly (readonly [string, PlatformWebhook])[] {
  return [...forges.ears].map(([kind, hear]) => [
    kind,
    async (call) => ({ status: await hear(call), json: null }),
  ]);
}

/** Only those the configuration names: no other has what it needs. */
function platformsOf(
  config: Config,
  { services }: Container,
  logger: Logger,
): readonly ChatPlatform[] {
  const options = new Map([
    ...(config.chat.room.enabled ? [["room", {}] as const] : []),
    ...config.chat.platforms.map((one) => [one.id, one.options] as const),
  ]);
  return platformEntries
    .filter(({ id }) => options.has(id))
    .map((entry) => entry.create(options.get(entry.id), { services, systemActor, logger, clock }));
}

/** What the embedded identity provider knows of sign-ins is in the memory of one process. Throws EmbeddedIdentityTaken. */
async function holdEmbeddedIdentity({
  processes,
}: Container): Promise<{ release(): Promise<void> }> {
  const held = await processes.hold(EMBEDDED_IDENTITY);
  if (!held) {
    const holder = await processes.holder(EMBEDDED_IDENTITY);
    throw new EmbeddedIdentityTaken({ holder: spokenIdentity(holder ?? "another one") });
  }
  return held;
}

function readServices(args: readonly string[]): readonly ServiceName[] {
  const flag = args.find((arg) => arg.startsWith("--services"));
  if (flag === undefined) {
    return SERVICE_NAMES;
  }
  const names = flag.replace(/^--services=?/, "").split(",");
  const known = SERVICE_NAMES.filter((name) => names.includes(name));
  if (known.length !== names.length) {
    throw new ServicesInvalid({
      why: `--services takes a list of ${SERVICE_NAMES.join(", ")}`,
    });
  }
  return known;
}

function refuseSplitOnSqlite(wanted: readonly ServiceName[], { database }: Config): void {
  if (database.dialect === "sqlite" && wanted.length !== SERVICE_NAMES.length) {
    throw new ServicesInvalid({
      why: "SQLite belongs to one process, so chat, web and worker cannot be split over several",
    });
  }
}

/** Web listens where people come, the others where health is asked, if anywhere. */
async function listen(
  wanted: readonly ServiceName[],
  { server: { port, healthPort, host } }: Config,
): Promise<{ readonly http: Server; readonly port: number } | undefined> {
  const wish = wanted.includes("web") ? port : healthPort;
  if (wish === null) {
    return undefined;
  }
  const http = createServer((_request, response) => {
    response.writeHead(503, { "retry-after": "1" }).end("Slipway is starting.\n");
  });
  http.listen(wish, host);
  try {
    await once(http, "listening");
  } catch (error) {
    if (error instanceof Error && "code" in error) {
      throw new PortInUse({ port: wish, host, why: String(error.code) }, { cause: error });
    }
    throw error;
  }
  const address = http.address();
  return { http, port: typeof address === "object" && address !== null ? address.port : wish };
}

async function connections(
  container: Container,
  oidc: Pick<OidcClient, "status"> | undefined,
  leader: ChatLeader | undefined,
): Promise<readonly ConnectionView[]> {
  const identity = oidc?.status();
  return [
    { name: "database", required: true, ...(await databaseState(container)) },
    ...(container.processes.areMany ? [otherProcesses(container)] : []),
    ...(identity ? [identityState(identity)] : []),
    ...container.forges.connections().map(({ provider, state, detail, budgets }) => ({
      name: `scm:${provider}`,
      state: state === "down" ? ("down" as const) : ("up" as const),
      required: false,
      detail: state === "unknown" ? "not asked yet" : detail,
      budgets: [...budgets],
    })),
    ...(leader?.status() ?? []).map((status) => ({
      name: `chat:${status.platform}`,
      state: platformStates[status.state],
      required: false,
      detail: status.detail,
      link: linkOf(status),
    })),
  ];
}

const platformStates = {
  starting: "starting",
  connected: "up",
  reconnecting: "down",
  failed: "down",
  stopped: "down",
} as const satisfies Record<PlatformStatus["state"], ConnectionView["state"]>;

function linkOf(status: PlatformStatus): LinkView {
  const { since, lastEventAt, reconnects, acknowledgedInMs } = status;
  return {
    since: since.toISOString(),
    lastEventAt: lastEventAt?.toISOString() ?? null,
    reconnects,
    acknowledgedInMs,
  };
}

async function databaseState(
  container: Container,
): Promise<Pick<ConnectionView, "state" | "detail">> {
  try {
    await container.services.live.lastSeq();
    return { state: "up", detail: null };
  } catch (error) {
    return { state: "down", detail: error instanceof Error ? error.message : String(error) };
  }
}

function identityState({ state, detail }: ReturnType<OidcClient["status"]>): ConnectionView {
  return {
    name: "identity-provider",
    state: state === "down" ? "down" : "up",
    required: false,
    detail: state === "unknown" ? "not asked yet" : detail,
  };
}

/** Without hearing the others this process goes on, and finds out within a second what they did. */
function otherProcesses({ signals }: Container): ConnectionView {
  return {
    name: "other-processes",
    state: signals.isConnected ? "up" : "down",
    required: false,
    detail: signals.isConnected ? null : "looked for every second until the connection is back",
  };
}

async function describePart(
  services: readonly ServiceName[],
  { processes }: Container,
): Promise<PartState> {
  // Without the database nobody knows; that it is away is told beside.
  const leader = await processes.chat.leader().catch(() => null);
  return {
    services,
    leads: processes.chat.isLeading,
    leader: leader && spokenIdentity(leader.owner),
  };
}

function printWelcome(baseUrl: string, notes: readonly string[]): void {
  process.stdout.write(`
Slipway is ready: ${baseUrl}

  1. Sign in as Dana (dev lead) and open the Room.
  2. Say:  @slipway create-release uat master
  3. Press "Approve as Dev". Then sign in as Quinn (QA lead) in a private window and press "Approve as QA".
  4. Sign in as Olivia (operator) and press "Deploy".
${notes.length === 0 ? "" : `\n${notes.join("\n")}\n`}
This is the sample workspace. For your own: copy config.example.yaml to config.yaml.
Stop with Ctrl+C.

`);
}
