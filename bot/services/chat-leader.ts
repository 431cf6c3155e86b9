import type { PlatformWebhook } from "../../dashboard/server/routes/platform-webhooks.ts";
import type { Container } from "../../shared/container.ts";
import { systemActor } from "../../shared/core/actor.ts";
import type { Clock } from "../../shared/core/ports/clock.ts";
import { underFence } from "../../shared/db/fence.ts";
import type { LedPart, Term } from "../../shared/db/leadership.ts";
import { createDispatcher } from "../../shared/events/dispatcher.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import type { ChatPlatform } from "../chat/platform.ts";
import { createChat, type ChatService, type PlatformStatus } from "./chat.ts";
import { guardPlatform } from "./guard-platform.ts";
import type { RunningService } from "./running-service.ts";

const STOP_MS = 3_000;

type Webhook = NonNullable<ChatPlatform["webhook"]>;

/** The chat part of this process, which runs while this process is the one that leads. */
export interface ChatLeader extends RunningService {
  /** Resolves when it is known whether this process leads at first. */
  readonly firstTry: Promise<void>;
  /** How the platforms are; empty while another process leads. */
  status(): readonly PlatformStatus[];
  /** What the leader knows to do with a request for a platform; undefined while another process leads. */
  webhook(platform: string): PlatformWebhook | undefined;
}

/** Tries to lead, and runs the chat part while it does: everything of a term is made for it and ends with it. */
export function startChatLeader(deps: {
  readonly container: Container;
  /** Made anew for each term. */
  readonly createPlatforms: () => readonly ChatPlatform[];
  /** Names of the subscribers that the chat part delivers to. */
  readonly ofChat: readonly string[];
  readonly drainer: Drainer;
  readonly clock: Clock;
  readonly logger: Logger;
}): ChatLeader {
  const { container, createPlatforms, ofChat, drainer, clock, logger } = deps;
  const { services, signals, deliveries, inbox, processes } = container;
  let current:
    { readonly chat: ChatService; readonly webhooks: ReadonlyMap<string, Webhook> } | undefined;

  const firstTry = processes.chat.start(lead);
  return {
    name: "chat",
    firstTry,
    status: () => current?.chat.status() ?? [],
    webhook: (platform) => current?.webhooks.get(platform),
    stop: () => processes.chat.stop(),
  };

  function lead(term: Term): Promise<LedPart> {
    const within = <T>(work: () => T) => underFence(term, work);
    return within(() => begin(term, within));
  }

  async function begin(term: Term, within: <T>(work: () => T) => T): Promise<LedPart> {
    const platforms = createPlatforms().map((platform) =>
      guardPlatform(platform, () => term.check()),
    );
    const chat = createChat({
      services,
      platforms,
      systemActor,
      drainer,
      logger,
      deliverNow: (names) => container.deliverNow(names),
      clock,
      within,
    });
    // Whoever led before delivers nothing any more.
    await deliveries.takeOver(ofChat);
    const dispatcher = createDispatcher({
      deliveries,
      subscribers: chat.subscribers,
      elsewhere: container.subscribers
        .map(({ name }) => name)
        .filter((name) => !ofChat.includes(name)),
      within,
      clock,
      logger,
    });
    const stopListening = signals.on("facts", () => dispatcher.wake());
    const webhooks = webhooksOf(platforms, within);
    const receivers = [...webhooks].map(([platform, answer]) =>
      inbox.receive([`hook.${platform}`], async ({ payload }) => ({
        ...(await answer(payload as unknown as Parameters<Webhook>[0])),
      })),
    );
    dispatcher.start();
    await chat.start();
    current = { chat, webhooks };
    return {
      async stop({ isLost }) {
        current = undefined;
        receivers.forEach((receiver) => receiver.stop());
        stopListening();
        // What was lost cannot be finished: the next one does it.
        const patience = isLost ? 0 : STOP_MS;
        await Promise.all([chat.stop(patience), dispatcher.stop(patience)]);
      },
    };
  }
}

function webhooksOf(
  platforms: readonly ChatPlatform[],
  within: <T>(work: () => T) => T,
): ReadonlyMap<string, Webhook> {
  return new Map(
    platforms.flatMap((platform) => {
      const webhook = platform.webhook?.bind(platform);
      return webhook ? [[platform.id, (request) => within(() => webhook(request))] as const] : [];
    }),
  );
}
