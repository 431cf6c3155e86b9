import { InputTooLarge, UpstreamRejected } from "../../../shared/errors/catalog.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import type { FormSpec } from "../../chat/card.ts";
import type { MessageRef, Outgoing } from "../../chat/platform.ts";
import type { DiscordApi, FirstAnswer, InteractionKey } from "./api.ts";
import { FORM_PATIENCE_MS, MAX_ANSWER_LENGTH, TOKEN_LIFETIME_MS } from "./limits.ts";
import { refusalOf } from "./refusal.ts";
import { fitsModal, renderDiscordMessage, renderDiscordModal } from "./render.ts";

/**
 * The answers to one interaction. Discord wants the first one within three seconds and takes exactly one; the others, shown to
 * one person only, come within fifteen minutes. What everybody shall see is no answer but a message of the bot.
 */
export interface InteractionAnswer {
  /** Tells Discord that we are on it. The first thing that is done, and done once. */
  defer(): Promise<void>;
  /** Opens a form as the first answer. False when it is too late for one. */
  openForm(form: FormSpec, token: string): Promise<boolean>;
  /** Says something to who asked. Undefined when there is no way any more. */
  tell(message: Outgoing): Promise<Pick<MessageRef, "messageId"> | undefined>;
  /** Everything was said: nothing goes on "thinking". */
  finish(): Promise<void>;
}

/** How it looks that we are on it: `thinking` for a command, nothing for a press. */
type Manner = "thinking" | "noted";

export function createInteractionAnswer(deps: {
  readonly api: Pick<DiscordApi, "answer" | "followUp" | "replaceAnswer" | "removeAnswer">;
  readonly key: InteractionKey;
  readonly manner: Manner;
  /** A form will be opened, so nothing else may be answered meanwhile, unless that takes too long. */
  readonly awaitsForm: boolean;
  readonly receivedAt: Date;
  /** Hears after how long Discord had the first answer. */
  readonly acknowledged: (tookMs: number) => void;
  readonly clock: { now(): Date };
  readonly timers: Timers;
  readonly logger: Logger;
}): InteractionAnswer {
  const { api, key, manner, receivedAt, clock, logger } = deps;
  /** Resolves with whether Discord took the first answer. */
  let first: Promise<boolean> | undefined;
  /** It says "thinking", and words can take its place. */
  let isThinking = false;
  const cancel = deps.awaitsForm ? deps.timers.after(FORM_PATIENCE_MS, () => void defer()) : noop;

  return {
    defer,
    async openForm(form, token) {
      if (!fitsModal(form)) {
        throw new InputTooLarge(
          {
            what: "What is written there already",
            limit: MAX_ANSWER_LENGTH,
            unit: "characters, more than a form of Discord holds",
          },
          { remedy: "Edit it in the dashboard." },
        );
      }
      if (first) {
        return false;
      }
      cancel();
      const isOpen = await begin({ type: "form", modal: renderDiscordModal(form, token) });
      if (!isOpen) {
        throw new UpstreamRejected(
          { system: "Discord", operation: "opening the form", why: "it took too long" },
          { remedy: "Press the button again." },
        );
      }
      return true;
    },
    async tell(message) {
      await defer();
      if (!(await first) || isTooLate()) {
        return undefined;
      }
      const content = renderDiscordMessage(message);
      const isFirst = isThinking;
      isThinking = false;
      try {
        const made = await (isFirst ? api.replaceAnswer(key, content) : api.followUp(key, content));
        return { messageId: made.id };
      } catch (error) {
        if (!refusalOf(error)) {
          throw error;
        }
        logger.debug({ err: error }, "an interaction of discord takes no more answers");
        return undefined;
      }
    },
    async finish() {
      cancel();
      if (!(await first) || !isThinking || isTooLate()) {
        return;
      }
      isThinking = false;
      try {
        await api.removeAnswer(key);
      } catch (error) {
        // It stays until it is closed; what was to be said is said.
        logger.debug({ err: error }, "could not tidy up an interaction of discord");
      }
    },
  };

  async function defer(): Promise<void> {
    if (!first) {
      cancel();
      isThinking = manner === "thinking";
      first = begin({ type: manner });
    }
    await first;
  }

  /** Who pressed has seen a failure when Discord does not take it; what they asked for is done all the same. */
  function begin(answer: FirstAnswer): Promise<boolean> {
    first = api.answer(key, answer).then(
      () => {
        deps.acknowledged(clock.now().getTime() - receivedAt.getTime());
        return true;
      },
      (error: unknown) => {
        logger.warn({ err: error }, "discord did not take the answer to an interaction");
        return false;
      },
    );
    return first;
  }

  function isTooLate(): boolean {
    return clock.now().getTime() - receivedAt.getTime() >= TOKEN_LIFETIME_MS - 10_000;
  }
}

function noop(): void {
  // Nothing waits.
}
