import { createHash } from "node:crypto";
import { AppError } from "../../../shared/errors/app-error.ts";
import { InternalFault } from "../../../shared/errors/catalog.ts";
import { randomToken } from "../../../shared/lib/ids.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import type { FormSpec } from "../../chat/card.ts";
import { errorCard } from "../../chat/error-card.ts";
import type { People } from "../../chat/people-cache.ts";
import type { ChatUser, Inbound, MessageRef, Outgoing, Replier } from "../../chat/platform.ts";
import type { Callbacks } from "./callbacks.ts";
import { createHold, type HoldKind } from "./hold.ts";
import {
  PLATFORM_ID,
  readCallback,
  readResponseHook,
  toPlace,
  toValues,
  type Callback,
} from "./inbound.ts";
import type { Asker, Outbound } from "./outbound.ts";

export interface CallbackAnswer {
  readonly status: number;
  readonly json: unknown;
}

type CallbackOf<T extends Callback["type"]> = Extract<Callback, { readonly type: T }>;

const NOT_OURS: CallbackAnswer = { status: 401, json: {} };

/**
 * Takes what Mattermost sends by HTTP: presses, sent forms and slash commands. What is not proved to come from it is answered
 * with 401 and has no effect; everything else is answered at once, while the work goes on.
 */
export function createCallbackTaker(deps: {
  readonly callbacks: Callbacks;
  readonly outbound: Outbound;
  readonly people: People;
  /** Hands an event on; resolves when it was served. */
  readonly take: (event: Inbound) => Promise<void>;
  readonly isDirect: (channelId: string) => Promise<boolean>;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): (request: Parameters<typeof readCallback>[0]) => Promise<CallbackAnswer> {
  const { callbacks, outbound, people, clock, logger } = deps;

  return async (request) => {
    const callback = readCallback(request);
    switch (callback?.type) {
      case "press":
        return callbacks.isGenuineButton(callback.context, callback.channel_id)
          ? serve("press", (answer) => press(callback, answer))
          : refuse("press");
      case "form": {
        const form = callbacks.readFormState(callback.state, callback.user_id);
        if (!form) {
          return refuse("form");
        }
        if (callback.cancelled) {
          return { status: 200, json: {} };
        }
        return serve("form", (answer) => sentForm(callback, form, answer));
      }
      case "slash":
        return callbacks.isSlashToken(callback.token)
          ? serve("slash", (answer) => slash(callback, answer))
          : refuse("slash");
      case "probe":
        return callbacks.isGenuineProbe(callback.context)
          ? { status: 200, json: {} }
          : refuse("probe");
      case undefined:
        return refuse("unknown");
      default:
        return unreachable(callback);
    }
  };

  function refuse(kind: string): CallbackAnswer {
    logger.warn({ kind }, "refused a callback that does not come from mattermost");
    return NOT_OURS;
  }

  /** Begins the work and answers as soon as there is something to answer with. */
  async function serve(
    kind: HoldKind,
    work: (hold: ReturnType<typeof createHold>) => Promise<void>,
  ): Promise<CallbackAnswer> {
    const hold = createHold(kind, deps.timers);
    const reference = `${PLATFORM_ID}:${randomToken(8)}`;
    work(hold)
      .catch((error: unknown) => {
        logger.warn({ err: error, kind, reference }, "could not serve a callback of mattermost");
        // Answering is the one thing that still works when the server cannot be asked who that was.
        hold.tell(errorCard(error instanceof AppError ? error : new InternalFault({ reference })));
      })
      .finally(hold.release);
    return { status: 200, json: await hold.answer };
  }

  async function press(
    callback: CallbackOf<"press">,
    hold: ReturnType<typeof createHold>,
  ): Promise<void> {
    const { user_id: userId, channel_id: channelId, post_id: messageId } = callback;
    const [user, where, direct] = await Promise.all([
      people.find(userId),
      outbound.whereIs(messageId),
      deps.isDirect(channelId),
    ]);
    const place = toPlace({ channel_id: channelId, root_id: where?.rootId ?? "" });
    const message: MessageRef = { ...place, messageId };
    // Below the message, where everybody can read it; nobody else sees the thread of a private one.
    const rootId = where === undefined ? "" : where.rootId || messageId;
    const asker = { userId, channelId, rootId, direct, hold };
    await deps.take({
      type: "action",
      token: callback.context.token,
      message,
      values: {},
      ...common(user, `press-${hash(callback.trigger_id)}`),
      place,
      reply: replier(asker, message, {
        triggerId: callback.trigger_id,
        rootId,
      }),
    });
  }

  async function sentForm(
    callback: CallbackOf<"form">,
    form: NonNullable<ReturnType<Callbacks["readFormState"]>>,
    hold: ReturnType<typeof createHold>,
  ): Promise<void> {
    const { channelId, messageId, rootId } = form;
    const [user, direct] = await Promise.all([
      people.find(callback.user_id),
      deps.isDirect(channelId),
    ]);
    const isInThread = rootId !== "" && rootId !== messageId;
    const place = toPlace({ channel_id: channelId, root_id: isInThread ? rootId : "" });
    const message: MessageRef = { ...place, messageId };
    const values = toValues(callback.submission);
    await deps.take({
      type: "action",
      token: form.token,
      message,
      values,
      ...common(user, `form-${hash(`${form.nonce}\n${JSON.stringify(values)}`)}`),
      place,
      reply: replier({ userId: callback.user_id, channelId, rootId, direct, hold }, message),
    });
  }

  async function slash(
    callback: CallbackOf<"slash">,
    hold: ReturnType<typeof createHold>,
  ): Promise<void> {
    const { user_id: userId, channel_id: channelId, root_id: rootId } = callback;
    const [user, direct] = await Promise.all([people.find(userId), deps.isDirect(channelId)]);
    const responseHook = readResponseHook(callback.response_url);
    await deps.take({
      type: "command",
      text: callback.text,
      direct: true,
      ...common(user, `slash-${hash(callback.trigger_id)}`),
      place: toPlace({ channel_id: channelId, root_id: rootId }),
      reply: replier({ userId, channelId, rootId, direct, hold, responseHook }, undefined),
    });
  }

  function common(user: ChatUser, deliveryId: string) {
    return { user, deliveryId, sentAt: clock.now() };
  }

  function replier(
    asker: Asker,
    source: MessageRef | undefined,
    press?: { readonly triggerId: string; readonly rootId: string },
  ): Replier {
    return createReplier({ outbound, asker, source, press });
  }
}

/** Answers one event. */
export function createReplier(deps: {
  readonly outbound: Outbound;
  readonly asker: Asker;
  readonly source: MessageRef | undefined;
  /** Set for a press, which alone can open a form. */
  readonly press?: { readonly triggerId: string; readonly rootId: string } | undefined;
}): Replier {
  const { outbound, asker, source, press } = deps;

  return {
    // Mattermost is answered by the hold, which also knows when there is something to say.
    async acknowledge() {},
    async openForm(form, token) {
      if (!press || !source) {
        await offerForm(form, token);
        return;
      }
      const { channelId, messageId } = source;
      const open = { token, channelId, messageId, rootId: press.rootId, nonce: randomToken(12) };
      await outbound.openForm(press.triggerId, form, open, asker.userId);
      asker.hold?.release();
    },
    send: (message) =>
      message.visibility === "only-you"
        ? outbound.answerPrivately(asker, message)
        : outbound.answer(asker, message),
    async replaceSource(message) {
      if (source) {
        await outbound.edit(source, message);
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

/** Ids of deliveries are short; what Mattermost calls a press is not. */
function hash(text: string): string {
  return createHash("sha256").update(`${PLATFORM_ID}\n${text}`).digest("hex");
}

function unreachable(callback: never): never {
  throw new Error(`unknown callback ${JSON.stringify(callback)}`);
}
