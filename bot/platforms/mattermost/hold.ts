import type { Timers } from "../../../shared/lib/scheduler.ts";
import { cardToText } from "../../chat/card-to-text.ts";
import type { Card } from "../../chat/card.ts";
import { cut } from "../../chat/fit.ts";
import { HOLD_MS } from "./limits.ts";
import { renderMattermostText } from "./render.ts";

/**
 * The answer to a callback, held back for a moment. It is the one place where a bot without special rights can say something to
 * one person in the channel, so what comes quickly is said there. Whatever takes longer does not keep Mattermost waiting.
 */
export interface Hold {
  readonly answer: Promise<unknown>;
  /** Answers without words, if nothing was answered yet. */
  release(): void;
  /** Says it in the answer. False when it is too late, or the answer cannot say it. */
  tell(card: Card): boolean;
}

/** What kind of callback is answered: each has a place of its own for words. */
export type HoldKind = "press" | "form" | "slash";

/** Shown in one line below a form. */
const MAX_FORM_ERROR_LENGTH = 500;

export function createHold(kind: HoldKind, timers: Timers): Hold {
  let resolve: (answer: unknown) => void = () => undefined;
  let isOver = false;
  const answer = new Promise<unknown>((done) => {
    resolve = done;
  });
  const cancel = timers.after(HOLD_MS, () => end({}));

  return {
    answer,
    release: () => {
      end({});
    },
    tell(card) {
      const words = wordsOf(kind, card);
      return words !== undefined && end(words);
    },
  };

  function end(given: unknown): boolean {
    if (isOver) {
      return false;
    }
    isOver = true;
    cancel();
    resolve(given);
    return true;
  }
}

/** Undefined when this kind of answer cannot say it. */
function wordsOf(kind: HoldKind, card: Card): object | undefined {
  switch (kind) {
    case "press":
      return { ephemeral_text: renderMattermostText(card), skip_slack_parsing: true };
    case "slash":
      return {
        response_type: "ephemeral",
        text: renderMattermostText(card),
        skip_slack_parsing: true,
      };
    case "form":
      // What is wrong is said in the form, which stays open with everything the person wrote.
      return card.tone === "warning" || card.tone === "danger"
        ? { error: cut(cardToText(card), MAX_FORM_ERROR_LENGTH) }
        : undefined;
    default:
      return unreachable(kind);
  }
}

function unreachable(kind: never): never {
  throw new Error(`unknown ${String(kind)}`);
}
