import type { Actor, Services } from "../../shared/app/services.ts";
import type { Subscriber } from "../../shared/events/events.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { systemTimers, type Scheduler, type Timers } from "../../shared/lib/scheduler.ts";
import { offersFor } from "../cards/error-offers.ts";
import { createActionTokens } from "../chat/action-tokens.ts";
import { createActors } from "../chat/actors.ts";
import type { ChatPlatform } from "../chat/platform.ts";
import { createPosts, type Posts } from "../chat/posts.ts";
import { createRouter } from "../chat/router.ts";
import { actions, commands } from "../commands/index.ts";
import { createChatSubscribers } from "../subscribers/index.ts";
import { renderLive } from "../subscribers/render-live.ts";

/** The first wait before a platform that did not come up is tried again; it doubles each time. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
const CLEAN_UP_MS = 3_600_000;

export interface ChatDeps {
  readonly services: Services;
  readonly platforms: readonly ChatPlatform[];
  /** Cards that everybody sees are drawn for nobody in particular. */
  readonly systemActor: Actor;
  readonly drainer: Drainer;
  readonly logger: Logger;
  readonly clock?: { now(): Date };
  readonly timers?: Timers;
  /** Throws away old tokens and delivery ids from time to time. */
  readonly scheduler?: Scheduler;
}

/** How one platform is doing. */
export type PlatformStatus = ReturnType<ChatPlatform["status"]> & { readonly platform: string };

export interface ChatService {
  readonly name: "chat";
  readonly posts: Posts;
  /** Turn facts into messages. Run them where this service runs. */
  readonly subscribers: readonly Subscriber[];
  status(): readonly PlatformStatus[];
  /** Takes no more messages, answers those it has, shows the last state of every card, closes every connection. */
  stop(): Promise<void>;
}

/**
 * Connects every platform to the commands. A platform that does not come up is tried again in the background: the others work
 * meanwhile.
 */
export async function startChat(deps: ChatDeps): Promise<ChatService> {
  const { services, drainer, logger, systemActor, timers = systemTimers } = deps;
  const clock = deps.clock ?? { now: () => new Date() };
  const platforms = new Map(deps.platforms.map((platform) => [platform.id, platform]));
  const tokens = createActionTokens({ chatStore: services.chatStore, clock });
  const posts = createPosts({
    chatStore: services.chatStore,
    platforms,
    tokens,
    logger,
    clock,
    timers,
  });
  const router = createRouter({
    services,
    commands,
    actions,
    platforms,
    actors: createActors({ people: services.people, platforms }),
    tokens,
    posts,
    drainer,
    logger,
    clock,
    timers,
    renderLive: (subject) => renderLive({ services, systemActor }, subject),
    offers: offersFor,
  });
  const retries = new Map<string, () => void>();
  let isStopping = false;

  deps.scheduler?.every({
    name: "chat-clean-up",
    everyMs: CLEAN_UP_MS,
    run: () => services.chatStore.removeExpired(),
  });
  await Promise.all(deps.platforms.map((platform) => connect(platform, FIRST_RETRY_MS)));

  return {
    name: "chat",
    posts,
    subscribers: createChatSubscribers({ services, posts, platforms, systemActor }),
    status: () =>
      deps.platforms.map((platform) => ({ platform: platform.id, ...platform.status() })),
    async stop() {
      isStopping = true;
      retries.forEach((cancel) => {
        cancel();
      });
      await posts.flush();
      const results = await Promise.allSettled(deps.platforms.map((platform) => platform.stop()));
      await posts.flush();
      for (const result of results) {
        if (result.status === "rejected") {
          logger.warn({ err: result.reason as unknown }, "a chat platform did not stop cleanly");
        }
      }
    },
  };

  async function connect(platform: ChatPlatform, retryMs: number): Promise<void> {
    retries.delete(platform.id);
    try {
      await platform.start((event) => router.handle(event));
      logger.info({ platform: platform.id }, "chat platform connected");
    } catch (error) {
      logger.warn({ err: error, platform: platform.id, retryMs }, "chat platform did not connect");
      if (!isStopping) {
        const next = Math.min(retryMs * 2, LONGEST_RETRY_MS);
        retries.set(
          platform.id,
          timers.after(retryMs, () => void connect(platform, next)),
        );
      }
    }
  }
}
