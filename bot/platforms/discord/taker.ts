import type { Logger } from "../../../shared/lib/logger.ts";
import { pause } from "../../../shared/lib/deadline.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import type {
  ChatUser,
  Inbound,
  MessageRef,
  Outgoing,
  Place,
  Replier,
} from "../../chat/platform.ts";
import type { Suggestions } from "../../chat/suggestions.ts";
import { ChannelUnreachable } from "../../../shared/errors/catalog.ts";
import { createInteractionAnswer, type InteractionAnswer } from "./answer.ts";
import type { DiscordApi } from "./api.ts";
import type { Channels } from "./channels.ts";
import {
  isDirect,
  readInteraction,
  timeOf,
  toPlace,
  toRef,
  type IncomingInteraction,
  type IncomingMember,
  type IncomingUser,
} from "./inbound.ts";
import { SUGGESTION_PATIENCE_MS } from "./limits.ts";
import type { Outbound } from "./outbound.ts";
import { lastWord, toChoices, type SlashCommand } from "./slash.ts";

type InteractionOf<T extends IncomingInteraction["type"]> = Extract<
  IncomingInteraction,
  { readonly type: T }
>;

/** Takes commands, presses, sent forms and what people type into fields. */
export interface Taker {
  /** Resolves when it was handed on; the work on it goes on. Whatever is not for us is left alone. */
  take(data: unknown): Promise<void>;
}

export function createTaker(deps: {
  readonly api: DiscordApi;
  readonly applicationId: string;
  readonly guildId: string;
  readonly slash: SlashCommand;
  readonly suggestions: Suggestions;
  readonly outbound: Outbound;
  readonly channels: Pick<Channels, "learn">;
  readonly whoIs: (user: IncomingUser, member: IncomingMember | undefined) => Promise<ChatUser>;
  /** Hands an event on, and calls `finish` when it was served. */
  readonly serve: (event: Inbound, finish: () => Promise<void>) => void;
  /** How long somebody waited until Discord had the first answer to what they did. */
  readonly acknowledged: (tookMs: number) => void;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
}): Taker {
  const { api, guildId, slash, outbound, timers, clock, logger } = deps;

  return {
    async take(data) {
      const interaction = readInteraction(data, deps.applicationId);
      if (!interaction) {
        return;
      }
      if (interaction.guildId !== undefined && interaction.guildId !== guildId) {
        await refuse(interaction);
        return;
      }
      deps.channels.learn(interaction.channel);
      if (interaction.type === "typing") {
        await suggest(interaction);
        return;
      }
      await serve(interaction);
    },
  };

  /** Somebody took the bot along to another server. */
  async function refuse(interaction: IncomingInteraction): Promise<void> {
    logger.warn({ guild: interaction.guildId }, "refused an interaction of another discord server");
    await (interaction.type === "typing"
      ? api.answer(interaction, { type: "choices", choices: [] })
      : api.answer(interaction, {
          type: "message",
          text: "I work for another server and do nothing here.",
        }));
  }

  /** What comes too late is of no use, so it gives nothing. */
  async function suggest(interaction: InteractionOf<"typing">): Promise<void> {
    const focused = slash.focused(interaction.options);
    const waiting = new AbortController();
    const found = focused
      ? await Promise.race([
          find(interaction, focused.kind, lastWord(focused.typed)),
          pause(timers, SUGGESTION_PATIENCE_MS, waiting.signal).then(() => []),
        ])
      : [];
    waiting.abort();
    const choices = toChoices(found, focused?.typed ?? "");
    await api.answer(interaction, { type: "choices", choices });
  }

  async function find({ user, member }: InteractionOf<"typing">, kind: string, typed: string) {
    try {
      return await deps.suggestions.find(await deps.whoIs(user, member), kind, typed);
    } catch (error) {
      logger.warn({ err: error, kind }, "could not suggest anything in discord");
      return [];
    }
  }

  async function serve(
    interaction: InteractionOf<"slash"> | InteractionOf<"press"> | InteractionOf<"form">,
  ): Promise<void> {
    const opensForm = interaction.type === "press" && interaction.opensForm;
    const answer = createInteractionAnswer({
      api,
      key: interaction,
      // Nothing was pressed where a form comes from nowhere, so there something has to be shown.
      manner: interaction.type === "slash" || !interaction.source ? "thinking" : "noted",
      awaitsForm: opensForm,
      receivedAt: clock.now(),
      acknowledged: deps.acknowledged,
      clock,
      timers,
      logger,
    });
    if (!opensForm) {
      // Before anything else: three seconds have been running since somebody pressed.
      await answer.defer();
    }
    try {
      const event = await toEvent(interaction, answer);
      deps.serve(event, () => answer.finish());
    } catch (error) {
      await answer.finish();
      throw error;
    }
  }

  async function toEvent(
    interaction: InteractionOf<"slash"> | InteractionOf<"press"> | InteractionOf<"form">,
    answer: InteractionAnswer,
  ): Promise<Inbound> {
    const { id, user, member, channel } = interaction;
    const place = toPlace(channel);
    const source = interaction.type === "slash" ? undefined : interaction.source;
    const common = {
      user: await deps.whoIs(user, member),
      place,
      deliveryId: id,
      sentAt: timeOf(id),
      reply: createReplier({
        outbound,
        answer,
        // Below what was pressed, where everybody can read it; nobody else sees what only one person sees.
        place:
          source && !source.isPrivate ? below(place, source.messageId, isDirect(channel)) : place,
        userId: user.id,
        source: source && toRef(place, source.messageId),
      }),
    };
    if (interaction.type === "slash") {
      const text = slash.toText(interaction.options);
      return { ...common, type: "command", text, direct: true };
    }
    return {
      ...common,
      type: "action",
      token: interaction.action,
      message: toRef(place, source?.messageId ?? ""),
      values: interaction.type === "form" ? interaction.values : {},
    };
  }
}

/** Threads have no threads, and conversations neither. */
function below(place: Place, messageId: string, isConversation: boolean): Place {
  return place.threadId === undefined && !isConversation
    ? { ...place, threadId: messageId }
    : place;
}

/** Answers one interaction, or one message. */
export function createReplier(deps: {
  readonly outbound: Outbound;
  /** Undefined for a message: nobody waits for an answer to it, and there is no private one in its channel. */
  readonly answer?: InteractionAnswer | undefined;
  readonly place: Place;
  readonly userId: string;
  readonly source?: MessageRef | undefined;
}): Replier {
  const { outbound, answer, place, userId, source } = deps;

  return {
    acknowledge: async () => answer?.defer(),
    async openForm(form, token) {
      if (answer && (await answer.openForm(form, token))) {
        return;
      }
      // Too late for a form, or no press at all: a button that opens it.
      const item = { type: "form" as const, label: form.title, form };
      await tell({
        card: { title: form.title, tone: "info", blocks: [{ type: "actions", items: [item] }] },
        tokens: new Map([[item, token]]),
      });
    },
    async send(message) {
      if (message.visibility === "only-you") {
        return tell(message);
      }
      try {
        return await outbound.post(place, message);
      } catch (error) {
        const told =
          error instanceof ChannelUnreachable && answer ? await answer.tell(message) : undefined;
        if (!told) {
          throw error;
        }
        // Who asked shall hear it at least. What only they see cannot be changed later, so there is no reference to it.
        return undefined;
      }
    },
    async replaceSource(message) {
      if (source) {
        await outbound.edit(source, message);
      }
    },
  };

  /** To one person, as near to where they asked as Discord allows. */
  async function tell(message: Outgoing): Promise<MessageRef | undefined> {
    const told = await answer?.tell(message);
    return told ? toRef(place, told.messageId) : outbound.direct(userId, message);
  }
}
