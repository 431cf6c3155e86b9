import { z } from "zod";
import { randomToken } from "../../../shared/lib/ids.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import type { FormSpec } from "../../chat/card.ts";
import { errorCard } from "../../chat/error-card.ts";
import type { People } from "../../chat/people-cache.ts";
import type { ChatUser, Inbound, MessageRef, Outgoing, Replier } from "../../chat/platform.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import type { SlackApi } from "./api.ts";
import type { Delivery } from "./connection.ts";
import { createFormWindow } from "./form-window.ts";
import { createHold } from "./hold.ts";
import {
  isSameHome,
  readIncoming,
  shortId,
  toPlace,
  toRef,
  type Home,
  type Incoming,
} from "./inbound.ts";
import type { Asker, Outbound } from "./outbound.ts";

type IncomingOf<T extends Incoming["type"]> = Extract<Incoming, { readonly type: T }>;

/** What a form carries with it, out of everybody's sight: where it was opened, and what its answers are for. */
const FormMetadata = z.object({
  token: z.string(),
  channel: z.string(),
  message: z.string(),
  thread: z.string().optional(),
  /** Where answers belong, when the message is not what only one person sees. */
  answers: z.string().optional(),
  respond: z.string().optional(),
  nonce: z.string(),
});

/**
 * Takes what Slack sends. Everything is acknowledged before anything is done about it, because Slack waits for three seconds;
 * only a sent form is acknowledged by what becomes of it. What belongs to another workspace has no effect. Resolves when it
 * was handed on, and never rejects; the work on it goes on.
 */
export function createTaker(deps: {
  readonly api: SlackApi;
  readonly outbound: Outbound;
  readonly people: People;
  readonly ours: Home;
  /** Hands an event on; resolves when it was served, well or not. */
  readonly take: (event: Inbound) => Promise<void>;
  readonly onMessage: (said: IncomingOf<"message">) => void;
  readonly onRemoved: (removed: IncomingOf<"removed">) => void;
  readonly onChannelsChanged: () => void;
  /** How long something waited for its acknowledgement. */
  readonly onAcknowledged: (ms: number) => void;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): (delivery: Delivery) => Promise<void> {
  const { api, outbound, people, timers, clock, logger } = deps;

  return async (received) => {
    const delivery = timed(received);
    const incoming = readIncoming(delivery.body);
    const isOurs = !incoming || !("home" in incoming) || isSameHome(incoming.home, deps.ours);
    if (!isOurs || incoming?.type !== "form") {
      const answer = incoming?.type === "challenge" ? { challenge: incoming.challenge } : undefined;
      // What could not be acknowledged comes again, and is known then.
      delivery.ack(answer).catch(notInTime);
    }
    if (!isOurs) {
      logger.warn({ kind: incoming.type }, "refused what belongs to another workspace");
      return;
    }
    try {
      await act(delivery, incoming);
    } catch (error) {
      logger.warn({ err: error, kind: incoming?.type }, "could not serve what came from slack");
    }
  };

  function timed({ body, ack }: Delivery): Delivery {
    const arrivedAt = clock.now().getTime();
    return {
      body,
      async ack(answer) {
        await ack(answer);
        deps.onAcknowledged(clock.now().getTime() - arrivedAt);
      },
    };
  }

  function notInTime(error: unknown): void {
    logger.info({ err: error }, "could not acknowledge in time");
  }

  async function act(delivery: Delivery, incoming: Incoming | undefined): Promise<void> {
    switch (incoming?.type) {
      case "message":
        deps.onMessage(incoming);
        return;
      case "press":
        return press(incoming);
      case "form":
        return sentForm(incoming, delivery);
      case "slash":
        return slash(incoming);
      case "removed":
        deps.onRemoved(incoming);
        return;
      case "user-changed":
        people.forget(incoming.userId);
        return;
      case "channels-changed":
        deps.onChannelsChanged();
        return;
      case "challenge":
      case "nothing":
        return;
      case undefined:
        logger.debug("slack sent something that is not known");
        return;
      default:
        unreachable(incoming);
    }
  }

  async function press(pressed: IncomingOf<"press">): Promise<void> {
    const { message, responseUrl, triggerId, isEphemeral } = pressed;
    const { channelId, messageId, threadId } = message;
    // Below the message, where everybody can read it; nobody else sees the thread of a private one.
    const answers = threadId ?? (isEphemeral ? undefined : messageId);
    const window = pressed.opensForm ? createFormWindow({ api, triggerId, timers }) : undefined;
    const asker: Asker = {
      userId: pressed.userId,
      channelId,
      threadTs: answers,
      responseUrl,
      ...(window ? { window } : {}),
    };
    if (!isEphemeral) {
      outbound.isLookedAt(messageId);
    }
    await handOn(
      asker,
      { deliveryId: shortId(`press ${triggerId}`), sentAt: pressed.pressedAt ?? clock.now() },
      (common) => ({
        ...common,
        type: "action",
        token: pressed.token,
        message,
        values: {},
        place: toPlace(channelId, threadId),
        reply: createReplier(asker, {
          message,
          ...(isEphemeral && responseUrl !== undefined ? { privateUrl: responseUrl } : {}),
        }),
      }),
      () => window?.end(),
    );
  }

  async function sentForm(form: IncomingOf<"form">, delivery: Delivery): Promise<void> {
    const metadata = FormMetadata.safeParse(readJson(form.metadata));
    const hold = createHold((answer) => delivery.ack(answer), form.firstField, {
      timers,
      onError: notInTime,
    });
    if (!metadata.success) {
      logger.warn("refused the answers of a form that is not ours");
      hold.release();
      return;
    }
    const { token, channel, message: messageId, thread, answers, respond, nonce } = metadata.data;
    const message = toRef(channel, messageId, thread);
    const asker: Asker = {
      userId: form.userId,
      channelId: channel,
      threadTs: answers,
      responseUrl: respond,
      hold,
    };
    const deliveryId = shortId(`form ${form.viewId} ${nonce}\n${JSON.stringify(form.values)}`);
    await handOn(
      asker,
      { deliveryId, sentAt: clock.now() },
      (common) => ({
        ...common,
        type: "action",
        token,
        message,
        values: form.values,
        place: toPlace(channel, thread),
        reply: createReplier(asker, { message }),
      }),
      () => hold.release(),
    );
  }

  async function slash(command: IncomingOf<"slash">): Promise<void> {
    const { userId, channelId, responseUrl, triggerId, text } = command;
    const asker: Asker = { userId, channelId, responseUrl, isSlash: true };
    const deliveryId = shortId(`slash ${triggerId}`);
    await handOn(asker, { deliveryId, sentAt: clock.now() }, (common) => ({
      ...common,
      type: "command",
      text,
      direct: true,
      place: toPlace(channelId, undefined),
      reply: createReplier(asker),
    }));
  }

  /**
   * Finds out who it is and hands it on; `end` is called when it was served. Whoever cannot be found out is told so: nobody
   * may act whom we do not know.
   */
  async function handOn(
    asker: Asker,
    delivery: Pick<Inbound, "deliveryId" | "sentAt">,
    toEvent: (common: Pick<Inbound, "user" | "deliveryId" | "sentAt">) => Inbound,
    end: () => void = () => undefined,
  ): Promise<void> {
    let user: ChatUser;
    try {
      user = await people.find(asker.userId);
    } catch (error) {
      if (error instanceof AppError) {
        await outbound.answerPrivately(asker, { card: errorCard(error), tokens: new Map() });
      }
      end();
      throw error;
    }
    void deps.take(toEvent({ ...delivery, user })).finally(end);
  }

  function createReplier(
    asker: Asker,
    source?: { readonly message: MessageRef; readonly privateUrl?: string },
  ): Replier {
    return createSlackReplier({ outbound, asker, source });
  }
}

/** Answers one event. */
export function createSlackReplier(deps: {
  readonly outbound: Outbound;
  readonly asker: Asker;
  /** The message that was pressed, and the address that changes it when only one person sees it. */
  readonly source?: { readonly message: MessageRef; readonly privateUrl?: string } | undefined;
}): Replier {
  const { outbound, asker, source } = deps;

  return {
    // Done before anything else.
    async acknowledge() {},
    async openForm(form, token) {
      if (!asker.window || !source) {
        await offerForm(form, token);
        return;
      }
      const { channelId, messageId, threadId } = source.message;
      const metadata: z.infer<typeof FormMetadata> = {
        token,
        channel: channelId,
        message: messageId,
        thread: threadId,
        answers: asker.threadTs,
        respond: asker.responseUrl,
        nonce: randomToken(12),
      };
      await asker.window.show(form, JSON.stringify(metadata));
    },
    send: (message) =>
      message.visibility === "only-you"
        ? outbound.answerPrivately(asker, message)
        : outbound.answer(asker, message),
    async replaceSource(message) {
      if (source?.privateUrl !== undefined) {
        await outbound.replacePrivate(source.privateUrl, message);
      } else if (source) {
        await outbound.edit(source.message, message);
      }
    },
  };

  /** Where no form can be opened, a button that opens it. */
  async function offerForm(form: FormSpec, token: string): Promise<void> {
    const item = { type: "form" as const, label: form.title, form };
    const message: Outgoing = {
      card: { title: form.title, tone: "info", blocks: [{ type: "actions", items: [item] }] },
      tokens: new Map([[item, token]]),
    };
    await outbound.answerPrivately(asker, message);
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

function unreachable(incoming: never): never {
  throw new Error(`unknown ${JSON.stringify(incoming)}`);
}
