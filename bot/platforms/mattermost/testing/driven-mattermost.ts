import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createLogger } from "../../../../shared/lib/logger.ts";
import { createManualClock, type ManualClock } from "../../../../shared/testing/clock.ts";
import { createFakeChatStore, type FakeChatStore } from "../../../chat/testing/fake-chat-store.ts";
import { createMattermostPlatform, type MattermostPlatform } from "../index.ts";
import { MattermostOptions } from "../options.ts";
import { startFakeMattermost, type FakeMattermost } from "./fake-mattermost.ts";

export const SLASH_TOKEN = "slashtokenslashtokenslasht";

/** The platform against a fake server, both over real sockets, with time in the test's hands. */
export interface DrivenMattermost {
  readonly clock: ManualClock;
  readonly fake: FakeMattermost;
  readonly platform: MattermostPlatform;
  readonly chatStore: FakeChatStore;
  /** Id of a channel the bot is in. */
  readonly channelId: string;
  readonly options: MattermostOptions;
  readonly callbackUrl: string;
  /** Another process on the same data. */
  another(): MattermostPlatform;
  /** Resolves when the platform has handed on everything that was said so far. */
  settle(): Promise<void>;
  /** What the platform logged. */
  readonly logged: readonly string[];
  dispose(): Promise<void>;
}

export async function driveMattermost(
  given: { readonly announce?: readonly string[] } = {},
): Promise<DrivenMattermost> {
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
  const started: MattermostPlatform[] = [];
  let current: MattermostPlatform | undefined;
  const web = await listenFor(async (request) => {
    return (await current?.webhook?.(request)) ?? { status: 404, json: {} };
  });
  const callbackUrl = `http://127.0.0.1:${String((web.address() as AddressInfo).port)}/hooks/mattermost`;
  const fake = await startFakeMattermost({
    clock,
    slash: { url: callbackUrl, token: SLASH_TOKEN },
  });
  const channelId = fake.addChannel("releases");
  const options = MattermostOptions.parse({
    url: fake.url,
    token: fake.token,
    callback_url: callbackUrl,
    slash_token: SLASH_TOKEN,
  });

  function another(): MattermostPlatform {
    current = createMattermostPlatform(options, {
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
    callbackUrl,
    another,
    logged,
    async settle() {
      await fake.hub.flush();
      await current?.settled();
      await new Promise((resolve) => setImmediate(resolve));
    },
    async dispose() {
      await Promise.all(started.map((platform) => platform.stop()));
      await fake.stop();
      web.closeAllConnections();
      web.close();
      await once(web, "close");
    },
  };
}

/** Our own web server, as far as callbacks are concerned. */
async function listenFor(take: NonNullable<MattermostPlatform["webhook"]>): Promise<Server> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const headers = { "content-type": request.headers["content-type"] };
      void take({ headers, body }).then(({ status, json }) => {
        response
          .writeHead(status, { "content-type": "application/json; charset=utf-8" })
          .end(JSON.stringify(json ?? {}));
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
