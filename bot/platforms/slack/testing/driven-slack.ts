import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createLogger } from "../../../../shared/lib/logger.ts";
import { createManualClock, type ManualClock } from "../../../../shared/testing/clock.ts";
import { createFakeChatStore, type FakeChatStore } from "../../../chat/testing/fake-chat-store.ts";
import { createSlackPlatform, type SlackPlatform } from "../index.ts";
import { SlackOptions } from "../options.ts";
import { startFakeSlack, type FakeSlack } from "./fake-slack.ts";

export const SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5";

/** The platform against a fake Slack, both over real sockets, with time in the test's hands. */
export interface DrivenSlack {
  readonly clock: ManualClock;
  readonly fake: FakeSlack;
  readonly platform: SlackPlatform;
  readonly chatStore: FakeChatStore;
  /** Id of a channel the bot is in. */
  readonly channelId: string;
  readonly options: SlackOptions;
  /** Where requests of Slack arrive. */
  readonly hookUrl: string;
  /** Another process on the same data. */
  another(): SlackPlatform;
  /** Resolves when the platform has handed on everything that was said so far. */
  settle(): Promise<void>;
  /** What the platform logged. */
  readonly logged: readonly string[];
  dispose(): Promise<void>;
}

export async function driveSlack(
  given: {
    readonly announce?: readonly string[];
    readonly enterprise?: string;
    /** What arrives, arrives by HTTP. */
    readonly http?: boolean;
  } = {},
): Promise<DrivenSlack> {
  const clock = createManualClock();
  const logged: string[] = [];
  const logger = createLogger({
    level: "debug",
    destination: {
      write: (line: string) => {
        logged.push(line);
      },
    },
  });
  const chatStore = createFakeChatStore();
  const started: SlackPlatform[] = [];
  let current: SlackPlatform | undefined;
  const web = await listenFor(async (request) => {
    return (await current?.webhook?.(request)) ?? { status: 404, json: {} };
  });
  const hookUrl = `http://127.0.0.1:${String((web.address() as AddressInfo).port)}/hooks/slack`;
  const { enterprise, http = false } = given;
  const fake = await startFakeSlack({
    clock,
    timers: clock,
    ...(enterprise === undefined ? {} : { enterprise }),
  });
  if (http) {
    fake.sendTo(hookUrl, SIGNING_SECRET);
  }
  const channelId = fake.addChannel("releases");
  const options = SlackOptions.parse({
    api_url: fake.url,
    bot_token: fake.botToken,
    ...(http ? { signing_secret: SIGNING_SECRET } : { app_token: fake.appToken }),
  });

  function another(): SlackPlatform {
    current = createSlackPlatform(options, {
      chatStore,
      announce: given.announce ?? [],
      logger,
      clock,
      timers: clock,
    });
    started.push(current);
    return current;
  }

  return {
    clock,
    fake,
    platform: another(),
    chatStore,
    channelId,
    options,
    hookUrl,
    another,
    logged,
    async settle() {
      await fake.sockets.flush();
      await current?.settled();
      await new Promise((resolve) => setImmediate(resolve));
    },
    async dispose() {
      let isStopped = false;
      const stopping = Promise.all(started.map((platform) => platform.stop())).finally(() => {
        isStopped = true;
      });
      // A socket that does not close is left after a while.
      while (!isStopped) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await clock.advance(100);
      }
      await stopping;
      await fake.stop();
      web.closeAllConnections();
      web.close();
      await once(web, "close");
    },
  };
}

/** Our own web server, as far as Slack is concerned. */
async function listenFor(take: NonNullable<SlackPlatform["webhook"]>): Promise<Server> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      void take({ headers, body }).then(({ status, json }) => {
        response
          .writeHead(status, { "content-type": "application/json; charset=utf-8" })
          .end(json === undefined ? "" : JSON.stringify(json));
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
