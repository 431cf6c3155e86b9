import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createContainer, type Container } from "../../../shared/container.ts";
import type { RoomMessage } from "../../../shared/contract/room.ts";
import { systemActor } from "../../../shared/core/actor.ts";
import { AccountRow } from "../../../shared/db/rows/account.ts";
import { ShuttingDown } from "../../../shared/errors/catalog.ts";
import { createDispatcher } from "../../../shared/events/dispatcher.ts";
import { createDrainer } from "../../../shared/lib/drainer.ts";
import { newId } from "../../../shared/lib/ids.ts";
import { createLogger, type Logger } from "../../../shared/lib/logger.ts";
import { samplePeople } from "../../../shared/sample/sample-people.ts";
import type { ManualClock } from "../../../shared/testing/clock.ts";
import type { Actor } from "../../../shared/app/services.ts";
import type { ChatPlatform } from "../../chat/platform.ts";
import { createRoomPlatform } from "../../platforms/room/index.ts";
import { createChat, type ChatService } from "../../services/chat.ts";
import { loadInstallation } from "../../services/load-installation.ts";

/**
 * The product without its process: the real database, real git, the real chat side, with time in the test's hands. For what
 * takes half an hour.
 */
export interface InProcess {
  readonly container: Container;
  readonly chat: ChatService;
  /** Our own address, where `/hooks/<platform>` is served. */
  readonly url: string;
  actor(username: string): Promise<Actor>;
  /** As signing in behind a private link would. */
  link(username: string, platform: string, workspace: string, userId: string): Promise<void>;
  /** The messages of a channel of the room. */
  room(channel: string): Promise<readonly RoomMessage[]>;
  /** Somebody presses a button in the room. */
  pressInRoom(username: string, channel: string, label: string): Promise<void>;
  /** Lets this much time pass, with room for what it sets off. */
  pass(ms: number): Promise<void>;
  /** Lets time pass, a little at a time, until it is so. Returns how much passed. */
  until(check: () => Promise<void> | void, mostMs?: number, stepMs?: number): Promise<number>;
  dispose(): Promise<void>;
}

/** Steps in which time passes. Real sockets get a few milliseconds of their own in each. */
const STEP_MS = 100;
const BIG_STEP_MS = 5_000;
const REAL_MS = 3;

export async function startInProcess(options: {
  readonly clock: ManualClock;
  /** Writes what the configuration needs into `data`, and returns the configuration. */
  readonly setUp: (
    data: string,
    url: string,
  ) => { readonly config: string; readonly env: Readonly<Record<string, string>> };
  /** Besides the room. */
  readonly createPlatforms: (deps: {
    readonly container: Container;
    readonly clock: ManualClock;
    readonly logger: Logger;
    readonly url: string;
  }) => readonly ChatPlatform[];
}): Promise<InProcess> {
  const { clock } = options;
  const data = mkdtempSync(join(tmpdir(), "slipway-"));
  const logger = createLogger({ level: "silent" });
  let platforms: readonly ChatPlatform[] = [];
  const web = await serveHooks(() => platforms);
  const url = `http://127.0.0.1:${String((web.address() as AddressInfo).port)}`;
  const { config: text, env } = options.setUp(data, url);
  writeFileSync(join(data, "config.yaml"), text);
  const environment = { ...env, SLIPWAY_DATA: data };
  const config = loadInstallation({ environment, cwd: data, path: join(data, "config.yaml") });
  const container = await createContainer({
    role: "tool",
    config,
    environment,
    logger,
    clock,
    timers: clock,
    baseUrl: () => url,
    claimsSource: {
      async refresh({ subject, refreshToken }) {
        const claims = claimsOf(subject);
        return claims ? { claims, refreshToken } : "deactivated";
      },
      directory: async () =>
        samplePeople.flatMap(({ subject }) => {
          const claims = claimsOf(subject);
          return claims ? [claims] : [];
        }),
    },
  });
  await container.prepare();
  const { services, deliveries } = container;
  platforms = [
    createRoomPlatform({ room: services.room, systemActor, logger, clock }),
    ...options.createPlatforms({ container, clock, logger, url }),
  ];
  const chat = createChat({
    services,
    platforms,
    systemActor,
    drainer: createDrainer(() => new ShuttingDown({})),
    logger,
    deliverNow: (names) => container.deliverNow(names),
    clock,
    timers: clock,
  });
  container.subscribers.push(...chat.subscribers);
  const dispatcher = createDispatcher({
    deliveries,
    subscribers: container.subscribers,
    clock,
    timers: clock,
    logger,
  });
  container.onFacts(() => dispatcher.wake());
  dispatcher.start();
  await chat.start();

  const product: InProcess = {
    container,
    chat,
    url,
    actor: (username) => services.people.actorOf(personOf(username).subject, { platform: "room" }),
    async link(username, platform, workspace, userId) {
      const { subject } = personOf(username);
      const id = newId();
      await container.uow.run((tx) =>
        AccountRow.create(
          { id, platform, workspace, userId, subject, linkedAt: clock.now() },
          { transaction: tx.sequelize },
        ),
      );
    },
    room: (channel) => services.room.messages(systemActor, { channel, limit: 500 }),
    async pressInRoom(username, channel, label) {
      const actor = await product.actor(username);
      const messages = await product.room(channel);
      const message = messages.findLast(({ actions }) =>
        actions.some((action) => action.label === label),
      );
      const action = message?.actions.find((each) => each.label === label)?.action;
      if (!message || action === undefined) {
        throw new Error(`no "${label}" in #${channel}`);
      }
      await services.room.press(actor, message.id, { action });
    },
    async pass(ms) {
      for (let left = ms; left > 0; left -= BIG_STEP_MS) {
        await step(Math.min(left, BIG_STEP_MS));
      }
    },
    async until(check, mostMs = 60_000, stepMs = STEP_MS) {
      for (let passed = 0; ; passed += stepMs) {
        try {
          await check();
          return passed;
        } catch (error) {
          if (passed >= mostMs) {
            throw error;
          }
        }
        await step(stepMs);
      }
    },
    async dispose() {
      const stopping = Promise.all([chat.stop(), dispatcher.stop(1_000)]);
      await Promise.race([stopping, product.pass(20_000)]);
      await stopping;
      await container.close();
      web.closeAllConnections();
      web.close();
      rmSync(data, { recursive: true, force: true });
    },
  };
  return product;

  async function step(ms: number): Promise<void> {
    await clock.advance(ms);
    await new Promise((resolve) => setTimeout(resolve, REAL_MS));
  }
}

function personOf(username: string) {
  const person = samplePeople.find((each) => each.username === username);
  if (!person) {
    throw new Error(`nobody is called ${username}`);
  }
  return person;
}

function claimsOf(wanted: string) {
  const person = samplePeople.find(({ subject }) => subject === wanted);
  return person && { ...person, issuer: "https://sso.example.com", clientRoles: [] };
}

/** Our own web server, as far as platforms call it. */
async function serveHooks(platforms: () => readonly ChatPlatform[]): Promise<Server> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      void answer(request.url ?? "", {
        headers: { "content-type": request.headers["content-type"] },
        body,
      }).then(({ status, json }) => {
        response
          .writeHead(status, { "content-type": "application/json" })
          .end(JSON.stringify(json ?? {}));
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;

  async function answer(
    path: string,
    request: Parameters<NonNullable<ChatPlatform["webhook"]>>[0],
  ): Promise<{ readonly status: number; readonly json: unknown }> {
    const platform = platforms().find(({ id }) => path === `/hooks/${id}`);
    return (await platform?.webhook?.(request)) ?? { status: 404, json: {} };
  }
}
