import { createHmac, timingSafeEqual, createHash } from "node:crypto";
import type { Secret } from "../../../shared/config/secret.ts";

/**
 * Mattermost signs nothing it sends. It hides the context of a button from everybody, so what lies there is known to it and us
 * alone; the state of a form however is given to the person who fills it in. Both are sealed here: a button to its channel, a
 * form to the person, so that neither works for anybody or anywhere else, whoever gets hold of it.
 */
export interface Callbacks {
  /** What a button carries. */
  buttonContext(token: string, channelId: string): ButtonContext;
  isGenuineButton(context: ButtonContext, channelId: string): boolean;
  /** What a form carries. */
  formState(form: OpenForm, userId: string): string;
  /** Undefined when the state is not ours, or somebody else's. */
  readFormState(state: string, userId: string): OpenForm | undefined;
  /** What a press of our own carries that only asks whether callbacks arrive. */
  probeContext(nonce: string): ProbeContext;
  isGenuineProbe(context: ProbeContext): boolean;
  isSlashToken(token: string): boolean;
}

export interface ButtonContext {
  readonly token: string;
  readonly proof: string;
}

export interface ProbeContext {
  readonly probe: string;
  readonly proof: string;
}

/** Where a form was opened and what its answers are for. */
export interface OpenForm {
  readonly token: string;
  readonly channelId: string;
  readonly messageId: string;
  /** Of the thread the answer belongs into. */
  readonly rootId: string;
  /** Tells two openings of one form apart. */
  readonly nonce: string;
}

/** Never part of an id or a token, so that no two lists of parts read the same. */
const SEPARATOR = ".";

/** The key is made from the bot's token: whoever has that can act as the bot anyway. */
export function createCallbacks(secrets: {
  readonly token: Secret;
  readonly slashTokens: readonly Secret[];
}): Callbacks {
  const key = createHmac("sha256", secrets.token.reveal()).update("slipway callbacks").digest();

  return {
    buttonContext: (token, channelId) => ({ token, proof: seal("button", token, channelId) }),
    isGenuineButton: ({ token, proof }, channelId) =>
      isSame(proof, seal("button", token, channelId)),
    formState({ token, channelId, messageId, rootId, nonce }, userId) {
      const parts = [token, channelId, messageId, rootId, nonce];
      return [...parts, seal("form", userId, ...parts)].join(SEPARATOR);
    },
    readFormState(state, userId) {
      const [token, channelId, messageId, rootId, nonce, proof, ...rest] = state.split(SEPARATOR);
      if (
        token === undefined ||
        channelId === undefined ||
        messageId === undefined ||
        rootId === undefined ||
        nonce === undefined ||
        proof === undefined ||
        rest.length > 0 ||
        !isSame(proof, seal("form", userId, token, channelId, messageId, rootId, nonce))
      ) {
        return undefined;
      }
      return { token, channelId, messageId, rootId, nonce };
    },
    probeContext: (nonce) => ({ probe: nonce, proof: seal("probe", nonce) }),
    isGenuineProbe: ({ probe, proof }) => isSame(proof, seal("probe", probe)),
    isSlashToken(token) {
      // Every one is compared, so that the time tells nothing.
      return secrets.slashTokens.filter((known) => isSame(token, known.reveal())).length > 0;
    },
  };

  function seal(...parts: readonly string[]): string {
    return createHmac("sha256", key).update(parts.join("\n")).digest("base64url");
  }
}

/** Compares in constant time, also texts of different lengths. */
function isSame(a: string, b: string): boolean {
  return timingSafeEqual(
    createHash("sha256").update(a).digest(),
    createHash("sha256").update(b).digest(),
  );
}
