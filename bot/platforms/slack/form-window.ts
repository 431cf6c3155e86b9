import { InputTooLarge, UpstreamRejected } from "../../../shared/errors/catalog.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import type { Card, FormSpec } from "../../chat/card.ts";
import { SYSTEM, type OpenView, type SlackApi } from "./api.ts";
import { FORM_PATIENCE_MS, MAX_INPUT_LENGTH } from "./limits.ts";
import { refusalOf } from "./refusal.ts";
import { fitsSlackForm, renderSlackForm, renderSlackNotice, renderSlackWait } from "./render.ts";

/**
 * The window that a press opens. Slack allows three seconds for it, which looking things up may take as well, so a window that
 * has nothing to show yet opens empty and is filled in afterwards.
 */
export interface FormWindow {
  show(form: FormSpec, metadata: string): Promise<void>;
  /** Says something in a window that has opened empty. False when there is none. */
  tell(card: Card): Promise<boolean>;
  /** Nothing will be shown any more. */
  end(): void;
}

export function createFormWindow(deps: {
  readonly api: Pick<SlackApi, "openView" | "updateView">;
  readonly triggerId: string;
  readonly timers: Timers;
}): FormWindow {
  const { api, triggerId } = deps;
  /** The empty window, once it is on its way. */
  let empty: Promise<OpenView> | undefined;
  let isFilled = false;
  const cancel = deps.timers.after(FORM_PATIENCE_MS, () => {
    empty = api.openView(triggerId, renderSlackWait());
    // Whoever has something to show hears of it.
    empty.catch(() => undefined);
  });

  return {
    async show(form, metadata) {
      cancel();
      if (!fitsSlackForm(form)) {
        throw new InputTooLarge(
          {
            what: "What is written there already",
            limit: MAX_INPUT_LENGTH,
            unit: "characters, more than a form of Slack holds",
          },
          { remedy: "Edit it in the dashboard." },
        );
      }
      const view = renderSlackForm(form, metadata);
      try {
        if (empty) {
          await api.updateView(await empty, view);
        } else {
          await api.openView(triggerId, view);
        }
        isFilled = true;
      } catch (error) {
        throw explain(error);
      }
    },
    async tell(card) {
      cancel();
      if (!empty || isFilled) {
        return false;
      }
      try {
        await api.updateView(await empty, renderSlackNotice(card));
        isFilled = true;
        return true;
      } catch (error) {
        // Closed meanwhile, or never opened: the person is told where they pressed.
        if (refusalOf(error)) {
          return false;
        }
        throw error;
      }
    },
    end: cancel,
  };
}

const TOO_LATE = new Set(["expired_trigger_id", "trigger_expired", "exchanged_trigger_id"]);

function explain(error: unknown): unknown {
  const code = refusalOf(error)?.code;
  if (code === undefined || !(TOO_LATE.has(code) || code === "not_found")) {
    return error;
  }
  const why = code === "not_found" ? "its window was closed" : "it took too long";
  return new UpstreamRejected(
    { system: SYSTEM, operation: "opening the form", why },
    { cause: error, remedy: "Press the button again." },
  );
}
