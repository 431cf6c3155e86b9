import type { Timers } from "../../shared/lib/scheduler.ts";
import type { Card } from "./card.ts";
import { card, text } from "./card-builders.ts";
import { escapeMarkdown } from "./markdown.ts";
import type { MessageRef } from "./platform.ts";

/** Shorter work needs no message about it. */
const QUIET_MS = 700;
/** Edits no faster than every platform takes them. */
const EVERY_MS = 1_500;

/** One message that says how far a long command is. */
export interface ProgressMessage {
  readonly report: (done: number, total: number, what: string) => void;
  /** Shows at once that something is being done. */
  show(): Promise<void>;
  /** No more edits from now on. The message, when there is one: the answer replaces it. */
  finish(): Promise<MessageRef | undefined>;
}

/** `send` posts the message, `edit` changes it. What they throw is for `onError`: progress must never stop the work. */
export function createProgressMessage(deps: {
  readonly title: string;
  readonly timers: Timers;
  send(content: Card): Promise<MessageRef | undefined>;
  edit(ref: MessageRef, content: Card): Promise<void>;
  readonly onError: (error: unknown) => void;
}): ProgressMessage {
  let latest: Card | undefined;
  let shown: Card | undefined;
  let ref: MessageRef | undefined;
  let cancel: (() => void) | undefined;
  let busy: Promise<void> | undefined;
  let finished = false;

  return {
    report(done, total, what) {
      latest = toCard(deps.title, done, total, what);
      if (cancel === undefined && !finished) {
        wait(QUIET_MS);
      }
    },
    async show() {
      latest ??= toCard(deps.title, 0, 0, "");
      busy = display().catch(deps.onError);
      await busy;
    },
    async finish() {
      finished = true;
      cancel?.();
      await busy;
      return ref;
    },
  };

  function wait(ms: number): void {
    cancel = deps.timers.after(ms, () => {
      busy = display().catch(deps.onError);
    });
  }

  async function display(): Promise<void> {
    if (latest && latest !== shown) {
      shown = latest;
      if (ref) {
        await deps.edit(ref, latest);
      } else {
        ref = await deps.send(latest);
      }
    }
    if (!finished) {
      wait(EVERY_MS);
    }
  }
}

function toCard(title: string, done: number, total: number, what: string): Card {
  const share = total > 0 ? `${done} of ${total}` : "";
  const line = [share, escapeMarkdown(what)].filter((part) => part !== "").join(": ");
  return card(title, "info", text(line === "" ? "Working on it." : line));
}
