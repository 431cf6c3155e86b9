import { createHash } from "node:crypto";
import {
  ChannelUnreachable,
  InputTooLarge,
  MessageNotFound,
  UpstreamRejected,
} from "../../../shared/errors/catalog.ts";
import { randomToken } from "../../../shared/lib/ids.ts";
import type { FormSpec } from "../../chat/card.ts";
import { createKeyedQueue } from "../../chat/keyed-queue.ts";
import type { MessageRef, Outgoing, Place } from "../../chat/platform.ts";
import type { MattermostApi, NewPost } from "./api.ts";
import type { Callbacks, OpenForm } from "./callbacks.ts";
import type { Hold } from "./hold.ts";
import { PLATFORM_ID, toRef, type IncomingPost } from "./inbound.ts";
import { MAX_DIALOG_TEXTAREA_BYTES } from "./limits.ts";
import { refusalOf } from "./refusal.ts";
import {
  fitsDialog,
  renderMattermostDialog,
  renderMattermostMessage,
  renderMattermostText,
  type MattermostContent,
} from "./render.ts";

/** Whom and where something is answered. */
export interface Asker {
  readonly userId: string;
  readonly channelId: string;
  /** Of the thread it was asked in; empty in the channel itself. */
  readonly rootId: string;
  /** Only this person and the bot read the channel. */
  readonly direct: boolean;
  /** Set while an answer can be given by answering Mattermost's request. */
  readonly hold?: Hold;
  /** Set for a slash command: late private answers go there. */
  readonly responseHook?: string | undefined;
}

/** Everything the bot says. */
export interface Outbound {
  post(place: Place, message: Outgoing): Promise<MessageRef>;
  edit(ref: MessageRef, message: Outgoing): Promise<void>;
  direct(userId: string, message: Outgoing): Promise<MessageRef>;
  /** To one person, as near to where they asked as the server allows. */
  answerPrivately(asker: Asker, message: Outgoing): Promise<MessageRef | undefined>;
  /** Says something to a channel, and why not to the person who asked when that is impossible. */
  answer(asker: Asker, message: Outgoing): Promise<MessageRef>;
  openForm(triggerId: string, form: FormSpec, open: OpenForm, userId: string): Promise<void>;
  /** Where a post of ours stands. Undefined when it is not known, such as one that only one person ever saw. */
  whereIs(messageId: string): Promise<{ readonly rootId: string } | undefined>;
}

interface WaitingEdit {
  message: Outgoing;
  readonly done: Promise<void>;
}

/** Of how many own posts it is remembered where they stand. */
const REMEMBERED = 5_000;

export function createOutbound(deps: {
  readonly api: MattermostApi;
  readonly me: { readonly id: string; readonly username: string };
  readonly callbacks: Callbacks;
  readonly callbackUrl: string;
}): Outbound {
  const { api, me, callbacks, callbackUrl } = deps;
  const inTurn = createKeyedQueue();
  /** Edits that have not been sent: whoever comes now replaces them. */
  const waiting = new Map<string, WaitingEdit>();
  const roots = new Map<string, string | undefined>();
  const conversations = new Map<string, string>();
  /** Whether private posts in channels are allowed; unknown until tried. */
  let mayWhisper: boolean | undefined;

  return { post, edit, direct, answerPrivately, answer, openForm, whereIs };

  async function post(place: Place, message: Outgoing): Promise<MessageRef> {
    const key = message.key === undefined ? undefined : hash(message.key);
    const { channelId, threadId = "" } = place;
    if (key !== undefined && message.repeated) {
      const earlier = await findAgain(channelId, key);
      if (earlier) {
        await edit(earlier, message);
        return earlier;
      }
    }
    const content = render(message, channelId);
    const pendingId = `${me.id}:${key ?? randomToken(22)}`;
    const made = await create({ ...content, channelId, rootId: threadId, pendingId, key });
    return remember(made);
  }

  /** Answers a thread by its first post, whichever of its posts was named; without one, in the channel. */
  async function create(wanted: NewPost): Promise<IncomingPost> {
    try {
      return await api.createPost(wanted);
    } catch (error) {
      const refusal = refusalOf(error);
      if (wanted.rootId !== "" && refusal && /root_id/.test(refusal.id)) {
        const rootId = (await findRoot(wanted.rootId)) ?? "";
        return api.createPost({
          ...wanted,
          rootId: rootId === wanted.rootId ? "" : rootId,
          pendingId: `${me.id}:${randomToken(22)}`,
        });
      }
      if (refusal?.status === 403 || refusal?.status === 404) {
        throw new ChannelUnreachable(
          { platform: PLATFORM_ID, channel: "that channel", why: "I am not a member of it" },
          { cause: error, remedy: `Say \`/invite @${me.username}\` there.` },
        );
      }
      throw error;
    }
  }

  async function findRoot(messageId: string): Promise<string | undefined> {
    try {
      const found = await api.post(messageId);
      return found.root_id === "" ? found.id : found.root_id;
    } catch (error) {
      if (refusalOf(error)) {
        return undefined;
      }
      throw error;
    }
  }

  async function findAgain(channelId: string, key: string): Promise<MessageRef | undefined> {
    const latest = await api.latestPosts(channelId);
    const found = latest.find(
      ({ user_id, props }) => user_id === me.id && props?.["slipway_key"] === key,
    );
    return found && remember(found);
  }

  /** Only the newest of several edits that wait is sent; each waits for its own post only. */
  function edit(ref: MessageRef, message: Outgoing): Promise<void> {
    const pending = waiting.get(ref.messageId);
    if (pending) {
      pending.message = message;
      return pending.done;
    }
    const own: WaitingEdit = { message, done: inTurn(ref.messageId, () => replace(ref, own)) };
    waiting.set(ref.messageId, own);
    return own.done;
  }

  async function replace(ref: MessageRef, own: WaitingEdit): Promise<void> {
    try {
      await api.replacePost(ref.messageId, () => {
        // From here on it is on its way: whoever comes now is another edit.
        forget(own);
        return render(own.message, ref.channelId);
      });
    } catch (error) {
      if (refusalOf(error) && (await findRoot(ref.messageId)) === undefined) {
        // The server says "forbidden" where there is nothing.
        throw new MessageNotFound({ message: ref.messageId }, { cause: error });
      }
      throw error;
    } finally {
      forget(own);
    }

    function forget(edit: WaitingEdit): void {
      if (waiting.get(ref.messageId) === edit) {
        waiting.delete(ref.messageId);
      }
    }
  }

  async function direct(userId: string, message: Outgoing): Promise<MessageRef> {
    const channelId = conversations.get(userId) ?? (await api.directChannel(me.id, userId)).id;
    conversations.set(userId, channelId);
    return post({ platform: PLATFORM_ID, channelId }, message);
  }

  async function answerPrivately(asker: Asker, message: Outgoing): Promise<MessageRef | undefined> {
    const { userId, channelId, rootId, hold, responseHook } = asker;
    if (asker.direct) {
      return post(toPlace(asker), message);
    }
    if (mayWhisper !== true && hold?.tell(message.card)) {
      return undefined;
    }
    if (mayWhisper !== false) {
      try {
        const content = render(message, channelId);
        const made = await api.createEphemeral(userId, { ...content, channelId, rootId });
        mayWhisper = true;
        roots.set(made.id, undefined);
        return toRef(made);
      } catch (error) {
        if (refusalOf(error)?.status !== 403) {
          throw error;
        }
        // Usual: only administrators may (create_post_ephemeral).
        mayWhisper = false;
      }
    }
    if (responseHook !== undefined) {
      await api.respond(responseHook, renderMattermostText(message.card));
      return undefined;
    }
    return direct(userId, message);
  }

  async function answer(asker: Asker, message: Outgoing): Promise<MessageRef> {
    return post(toPlace(asker), message);
  }

  async function openForm(
    triggerId: string,
    form: FormSpec,
    open: OpenForm,
    userId: string,
  ): Promise<void> {
    if (!fitsDialog(form)) {
      throw new InputTooLarge(
        {
          what: "What is written there already",
          limit: MAX_DIALOG_TEXTAREA_BYTES,
          unit: "characters, more than a form of Mattermost holds",
        },
        { remedy: "Edit it in the dashboard." },
      );
    }
    const dialog = renderMattermostDialog(form, callbacks.formState(open, userId));
    try {
      await api.openDialog(triggerId, callbackUrl, dialog);
    } catch (error) {
      if (refusalOf(error)?.id.includes("trigger_id")) {
        throw new UpstreamRejected(
          { system: "Mattermost", operation: "opening the form", why: "it took too long" },
          { cause: error, remedy: "Press the button again." },
        );
      }
      throw error;
    }
  }

  async function whereIs(messageId: string): Promise<{ readonly rootId: string } | undefined> {
    if (!roots.has(messageId)) {
      try {
        remember(await api.post(messageId));
      } catch (error) {
        if (!refusalOf(error)) {
          throw error;
        }
        return undefined;
      }
    }
    const rootId = roots.get(messageId);
    return rootId === undefined ? undefined : { rootId };
  }

  function remember(made: IncomingPost): MessageRef {
    for (const [oldest] of roots) {
      if (roots.size < REMEMBERED) {
        break;
      }
      roots.delete(oldest);
    }
    roots.set(made.id, made.root_id);
    return toRef(made);
  }

  function render(message: Outgoing, channelId: string): MattermostContent {
    return renderMattermostMessage(message, (token) => ({
      url: callbackUrl,
      context: { ...callbacks.buttonContext(token, channelId) },
    }));
  }
}

function toPlace({ channelId, rootId }: Asker): Place {
  return { platform: PLATFORM_ID, channelId, ...(rootId === "" ? {} : { threadId: rootId }) };
}

function hash(key: string): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 32);
}
