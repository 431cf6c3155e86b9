import { ActionExpired } from "../../shared/errors/catalog.ts";
import { randomToken } from "../../shared/lib/ids.ts";
import type { ChatStoreServices } from "../../shared/app/services.ts";
import type { ActionCall, ActionItem, Card, FormSpec } from "./card.ts";
import { pressableItems } from "./card-to-text.ts";
import type { MessageRef } from "./platform.ts";

/** Letters and digits only (Mattermost refuses anything else in an action id), 131 bits. */
const TOKEN_LENGTH = 22;

/** How long a button works. */
export const TOKEN_LIFETIME_MS = 30 * 24 * 3_600_000;

/** Marks a stored action as a form that still has to be filled in. */
const OPEN_FORM = "form.open";

/** What a token stands for. A form carries what its answers will do. */
export type TokenMeaning =
  | { readonly type: "action"; readonly call: ActionCall }
  | { readonly type: "form"; readonly form: FormSpec };

/**
 * Turns clicks into short random tokens and back. A token is a pointer, not a permission: what the person may do is decided
 * when they press.
 */
export interface ActionTokens {
  /** Makes a token for each pressable item of the card. */
  issue(platform: string, card: Card): Promise<ReadonlyMap<ActionItem, string>>;
  /** Makes a token for a form that a platform is about to open; it belongs to no message. */
  issueForm(platform: string, form: FormSpec): Promise<string>;
  /** From now on the tokens only work on this message. */
  bind(tokens: ReadonlyMap<ActionItem, string>, message: MessageRef): Promise<void>;
  /** Throws ActionExpired when the token is unknown, too old, or pressed anywhere but on its own message. */
  resolve(token: string, pressed: MessageRef): Promise<TokenMeaning>;
}

export function createActionTokens(deps: {
  readonly chatStore: ChatStoreServices;
  readonly clock: { now(): Date };
}): ActionTokens {
  const { chatStore, clock } = deps;

  return {
    async issue(platform, card) {
      const tokens = new Map<ActionItem, string>();
      const rows = pressableItems(card).map((item) => {
        const token = randomToken(TOKEN_LENGTH);
        tokens.set(item, token);
        return item.type === "button"
          ? toRow(platform, token, item.action)
          : toRow(platform, token, { action: OPEN_FORM, payload: item.form });
      });
      if (rows.length > 0) {
        await chatStore.saveActions(rows);
      }
      return tokens;
    },
    async issueForm(platform, form) {
      const token = randomToken(TOKEN_LENGTH);
      await chatStore.saveActions([toRow(platform, token, { action: OPEN_FORM, payload: form })]);
      return token;
    },
    async bind(tokens, message) {
      if (tokens.size > 0) {
        const { channelId, messageId } = message;
        await chatStore.bindActions([...tokens.values()], { channelId, messageId });
      }
    },
    async resolve(token, pressed) {
      const stored = await chatStore.findAction(token);
      if (
        !stored ||
        stored.expiresAt <= clock.now() ||
        stored.platform !== pressed.platform ||
        (stored.messageId !== null && stored.messageId !== pressed.messageId) ||
        (stored.channelId !== null && stored.channelId !== pressed.channelId)
      ) {
        throw new ActionExpired({});
      }
      return stored.action === OPEN_FORM
        ? // Written by `issue` above, from a FormSpec.
          { type: "form", form: stored.payload as FormSpec }
        : { type: "action", call: { action: stored.action, payload: stored.payload } };
    },
  };

  function toRow(platform: string, token: string, call: ActionCall) {
    const expiresAt = new Date(clock.now().getTime() + TOKEN_LIFETIME_MS);
    return { token, action: call.action, payload: call.payload, platform, expiresAt };
  }
}
