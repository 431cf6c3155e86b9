import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { fileURLToPath } from "node:url";
import type { ConnectionState } from "../../dashboard/server/routes/health.ts";
import { baseUrlAt, type Config } from "../../shared/config/config.ts";
import type { Environment } from "../../shared/config/environment.ts";
import type { LinkView } from "../../shared/contract/link.ts";
import { createContainer, type Container } from "../../shared/container.ts";
import { systemActor } from "../../shared/core/actor.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import { PortInUse, ServicesInvalid, ShuttingDown } from "../../shared/errors/catalog.ts";
import { createDrainer } from "../../shared/lib/drainer.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { createSampleWorkspace } from "../../shared/sample/sample-workspace.ts";
import { platforms as platformEntries } from "../platforms/index.ts";
import { createChat, type ChatService, type PlatformStatus } from "./chat.ts";
import { loadInstallation, sampleDirectory } from "./load-installation.ts";
import { SERVICE_NAMES, type RunningService, type ServiceName } from "./running-service.ts";
import { createIdentity, startWeb } from "./web.ts";
import { startWorker } from "./worker.ts";

/** What the sample's first start deploys everywhere. */
const BASELINE_BRANCH = "master";
/** A process is asked to end within ten seconds; what has not ended by then is cut off and resumed at the next start. */
const STOP_MS = 8_500;
const DRAIN_MS = 3_000;

const clock = { now: () => new Date() };

/** Runs Slipway until it is asked to stop. Ends the process; mistakes are printed in words, with what to do. */
export async function runServer(options: {
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly cwd: string;
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
  const logger = createLogger({ secrets: config.secrets.map((secret) => secret.reveal()) });
  process.on("unhandledRejection", (error) => {
    logger.error({ err: error }, "a promise was rejected and nobody took it");
  });

  // Before anything is touched: a second server on the same port must not get as far as the database.
  const server = createServer((_request, response) => {
    response.writeHead(503, { "retry-after": "1" }).end("Slipway is starting.\n");
  });
  const port = await listen(server, config);
  const baseUrl = baseUrlAt(config.server, port);
  if (config.file === null) {
    await createSampleWorkspace(sampleDirectory(config.dataDir), {
      now: clock.now(),
      processEnvironment: environment,
    });
  }
  const identity = await createIdentity({ config, baseUrl, clock, logger });
  const container = await createContainer({
    role: "server",
    config,
    environment,
    logger,
    clock,
    baseUrl: () => baseUrl,
    claimsSource: identity.claimsSource,
  });
  await container.prepare();

  const running: RunningService[] = [];
  const drainer = createDrainer(() => new ShuttingDown({}));
  let isStopping = false;
  process.on("SIGTERM", () => void stop());
  process.on("SIGINT", () => void stop());

  const platforms = platformEntries
    .filter(({ id }) =>
      id === "room"
        ? config.chat.room.enabled
        : config.chat.platforms.some((configured) => configured.id === id),
    )
    .map((entry) =>
      entry.create(config.chat.platforms.find((one) => one.id === entry.id)?.options ?? {}, {
        services: container.services,
        systemActor,
        logger,
        clock,
      }),
    );
  const chat = createChat({
    services: container.services,
    platforms,
    systemActor,
    drainer,
    logger,
    deliverNow: (subscribers) => container.deliverNow(subscribers),
    clock,
  });
  // Before anybody can speak: what they do must be announced.
  container.subscribers.push(...chat.subscribers);
  running.push(await startWorker({ container, clock, logger }));
  running.push(chat);
  await chat.start();
  running.push(
    await startWeb({
      server,
      config,
      container,
      identity,
      baseUrl,
      webRoot: fileURLToPath(new URL("../../web", import.meta.url)),
      webhooks: new Map(
        platforms.flatMap((platform) =>
          platform.webhook
            ? [[platform.id, (request) => platform.webhook?.(request) ?? notThere] as const]
            : [],
        ),
      ),
      connections: () => connections(container, identity.oidc, chat),
      drainer,
      clock,
      logger,
    }),
  );
  logger.info({ baseUrl, services: wanted }, "ready");
  if (config.file === null) {
    printWelcome(baseUrl);
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
    await drainer.drain(DRAIN_MS);
    await Promise.allSettled(running.reverse().map((service) => service.stop()));
    await container.close();
    logger.info("stopped");
    process.exit(0);
  }
}

const notThere = Promise.resolve({ status: 404, json: {} });

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
  if (known.length !== SERVICE_NAMES.length) {
    throw new ServicesInvalid({
      why: "SQLite belongs to one process, so chat, web and worker cannot be split over several",
    });
  }
  return known;
}

async function listen(server: Server, { server: { port, host } }: Config): Promise<number> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    if (error instanceof Error && "code" in error) {
      throw new PortInUse({ port, host, why: String(error.code) }, { cause: error });
    }
    throw error;
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

async function connections(
  container: Container,
  oidc: { status(): { readonly state: "unknown" | "up" | "down"; readonly detail: string | null } },
  chat: ChatService,
): Promise<readonly ConnectionState[]> {
  const identity = oidc.status();
  return [
    { name: "database", required: true, ...(await databaseState(container)) },
    {
      name: "identity-provider",
      state: identity.state === "down" ? "down" : "up",
      required: false,
      detail: identity.state === "unknown" ? "not asked yet" : identity.detail,
    },
    ...chat.status().map((status) => ({
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
} as const satisfies Record<PlatformStatus["state"], ConnectionState["state"]>;

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
): Promise<Pick<ConnectionState, "state" | "detail">> {
  try {
    await container.services.live.lastSeq();
    return { state: "up", detail: null };
  } catch (error) {
    return { state: "down", detail: error instanceof Error ? error.message : String(error) };
  }
}

function printWelcome(baseUrl: string): void {
  process.stdout.write(`
Slipway is ready: ${baseUrl}

  1. Sign in as Dana (dev lead) and open the Room.
  2. Say:  @slipway create-release uat master
  3. Press "Approve as Dev". Then sign in as Quinn (QA lead) in a private window and press "Approve as QA".
  4. Sign in as Olivia (operator) and press "Deploy".

This is the sample workspace. For your own: copy config.example.yaml to config.yaml.
Stop with Ctrl+C.

`);
}
