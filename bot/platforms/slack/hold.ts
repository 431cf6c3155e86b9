import type { Timers } from "../../../shared/lib/scheduler.ts";
import { cardToText } from "../../chat/card-to-text.ts";
import type { Card } from "../../chat/card.ts";
import { cut } from "../../chat/fit.ts";
import type { Delivery } from "./connection.ts";
import { HOLD_MS } from "./limits.ts";

/**
 * The answer to a sent form, held back for a moment: while it is, the form can stay open and say what is wrong with it, with
 * everything the person wrote. Whatever takes longer does not keep Slack waiting.
 */
export interface Hold {
  /** Closes the form, if nothing was answered yet. */
  release(): void;
  /** Says what is wrong in the form. False when it is too late, or nothing is wrong. */
  tell(card: Card): boolean;
}

/** Shown in a few lines below a field. */
const MAX_ERROR_LENGTH = 300;

export function createHold(
  ack: Delivery["ack"],
  field: string | undefined,
  deps: { readonly timers: Timers; readonly onError: (error: unknown) => void },
): Hold {
  let isOver = false;
  const cancel = deps.timers.after(HOLD_MS, () => end());

  return {
    release: () => {
      end();
    },
    tell(card) {
      const isWrong = card.tone === "warning" || card.tone === "danger";
      if (!isWrong || field === undefined) {
        return false;
      }
      const why = cut(cardToText(card), MAX_ERROR_LENGTH);
      return end({ response_action: "errors", errors: { [field]: why } });
    },
  };

  function end(answer?: object): boolean {
    if (isOver) {
      return false;
    }
    isOver = true;
    cancel();
    ack(answer).catch(deps.onError);
    return true;
  }
}
