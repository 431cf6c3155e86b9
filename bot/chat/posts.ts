import { createHash } from "node:crypto";
import type { ChatStoreServices, StoredPost } from "../../shared/app/services.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import { MessageNotFound, UpstreamUnavailable } from "../../shared/errors/catalog.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { createQueue, type Queue } from "../../shared/lib/queue.ts";
import { systemTimers, type Timers } from "../../shared/lib/scheduler.ts";
import { TOKEN_LIFETIME_MS, type ActionTokens } from "./action-tokens.ts";
import type { ActionItem, Card } from "./card.ts";
import { card, note } from "./card-builders.ts";
import { pressableItems } from "./card-to-text.ts";
import { everyOne } from "./every-one.ts";
import { subjectName, type LiveCard } from "./live-card.ts";
import type { ChatPlatform, MessageRef, Outgoing, Place } from "./platform.ts";

/** Makes the newest card of a subject. Called as late as possible; `previous` is the message as it stands. */
export type RenderLive = (previous: StoredPost | undefined) => Promise<LiveCard>;

/** The newest card of any subject; undefined when nothing is known by it. */
export type RenderSubject = (
  subject: string,
  previous?: StoredPost,
) => Promise<LiveCard | undefined>;

/**
 * One live message per subject and channel: posted once, edited from then on. The database says which message that is; the
 * message itself is only a picture of it, so a deleted one is posted again.
 */
export interface Posts {
  /**
   * For somebody who asked: the card where they asked. Edits the message they pressed (`source`), turns the progress message
   * (`adopt`) into the card, or posts the card anew and retires an older message, because nobody scrolls up for an answer.
   * In a thread beside the live message the card is a plain copy.
   */
  show(place: Place, live: LiveCard, how: ShowOptions): Promise<MessageRef>;
  /**
   * For readers of facts: posts the card once, then edits it. Bursts become one edit that shows the last state; resolves when
   * that is on screen. `anew` posts it again below, because people must act and edits notify nobody.
   */
  keep(place: Place, subject: string, render: RenderLive, how?: KeepOptions): Promise<void>;
  /** Brings every message about the subject up to date, wherever it is. One dead platform keeps none of the others waiting. */
  refresh(subject: string, render: RenderLive, how?: RefreshOptions): Promise<void>;
  /**
   * Says something once in the thread of each message about the subject, on one platform or on all. `key` tells one such thing
   * from another.
   */
  addDetail(subject: string, key: string, content: Card, platform?: string): Promise<void>;
  /** Writes to one person, once per subject. */
  tell(platform: string, userId: string, live: LiveCard): Promise<void>;
  /**
   * Somebody deleted this message. When it is the live one of a subject and people can still act on it, it is posted again
   * below; what nobody can act on any more was tidied up, and stays away until it changes.
   */
  restore(message: MessageRef, render: RenderSubject): Promise<void>;
  /** The live message in this place. */
  find(place: Place, subject: string): Promise<StoredPost | undefined>;
  /** Shows the last state of everything that waits, and resolves when it is done. */
  flush(): Promise<void>;
}

export interface ShowOptions {
  /** When the person asked: a message posted since then is already the answer. */
  readonly since: Date;
  readonly source?: MessageRef | undefined;
  readonly adopt?: MessageRef | undefined;
}

export interface KeepOptions {
  /** Whether the message must be posted again rather than edited. */
  readonly anew?: (previous: StoredPost, next: LiveCard) => boolean;
  /** Not merged with other edits: for what only this call knows. */
  readonly urgent?: boolean;
}

export interface RefreshOptions extends KeepOptions {
  /** The only platform whose messages are meant. */
  readonly platform?: string;
}

export interface PostsDeps {
  readonly chatStore: ChatStoreServices;
  readonly platforms: ReadonlyMap<string, ChatPlatform>;
  readonly tokens: ActionTokens;
  readonly logger: Logger;
  readonly clock: { now(): Date };
  readonly timers?: Timers;
}

const EDIT_INTERVAL_MS = 2_000;
/** A claim without a message for this long belongs to somebody who died between the two. */
const CLAIM_TIMEOUT_MS = 30_000;
/** How many messages' last edits are remembered. */
const REMEMBERED_SLOTS = 2_000;

type Claimed = Pick<StoredPost, "subject" | "platform" | "channelId" | "postedAt">;
/** By which a platform recognises a message that it may have taken already. */
type Identity = Pick<Outgoing, "key" | "repeated">;
type PostedMessage = StoredPost & { readonly messageId: string };

/** One message's turn: everything about it happens one after the other. */
interface Slot {
  readonly inTurn: Queue;
  lastEditAt: number;
  /** An edit that has not begun; whoever comes now is served by it. */
  waiting: Promise<void> | undefined;
  hurry: (() => void) | undefined;
  users: number;
}

export function createPosts(deps: PostsDeps): Posts {
  const { chatStore, platforms, tokens, clock, timers = systemTimers } = deps;
  const slots = new Map<string, Slot>();
  const running = new Set<Promise<unknown>>();
  /** Chat is one process at a time: whoever claimed before it began lives no more. */
  const startedAt = clock.now();

  return { show, keep, refresh, addDetail, tell, restore, find, flush };

  async function show(place: Place, live: LiveCard, how: ShowOptions): Promise<MessageRef> {
    return inSlot(place, live.subject, async (slot) => {
      const previous = await find(place, live.subject);
      const isCopy = isPosted(previous) && leavesChannel(place, previous);
      const isNew = isPosted(previous) && previous.postedAt >= how.since;
      if (how.adopt && isNew) {
        // A reader of facts was faster. Its message is the live one, further down.
        await edit(how.adopt, movedCard(live));
        return update(slot, previous, live);
      }
      if (how.adopt) {
        await edit(how.adopt, isCopy ? toCopy(live.card) : live.card);
        if (!isCopy) {
          await remember(how.adopt, live);
          await retire(previous, how.adopt, live);
        }
        return how.adopt;
      }
      if (isPosted(previous) && previous.messageId === how.source?.messageId) {
        return update(slot, previous, live);
      }
      if (isCopy) {
        return post(place, toCopy(live.card));
      }
      if (isNew) {
        return update(slot, previous, live);
      }
      return previous ? postAnew(place, previous, live) : postFirst(place, live);
    });
  }

  async function keep(
    place: Place,
    subject: string,
    render: RenderLive,
    how: KeepOptions = {},
  ): Promise<void> {
    await soon(place, subject, how, async (slot) => {
      const previous = await find(place, subject);
      const live = await render(previous);
      if (!previous) {
        await postFirst(place, live);
      } else if (isPosted(previous) && how.anew?.(previous, live) !== true) {
        await update(slot, previous, live);
      } else {
        await postAnew(toPlace(previous), previous, live);
      }
    });
  }

  async function refresh(
    subject: string,
    render: RenderLive,
    { platform: only, ...how }: RefreshOptions = {},
  ): Promise<void> {
    const posts = await chatStore.findPosts(subject);
    const known = posts.filter(
      ({ platform }) => platforms.has(platform) && (only === undefined || only === platform),
    );
    await everyOne(known, (stored) => keep(toPlace(stored), subject, render, how));
  }

  async function addDetail(
    subject: string,
    key: string,
    content: Card,
    platform?: string,
  ): Promise<void> {
    const posts = await chatStore.findPosts(subject);
    const wanted = posts.filter((stored) => platform === undefined || stored.platform === platform);
    await everyOne(wanted, async (stored) => {
      const threads = platforms.get(stored.platform)?.features.threads === true;
      if (threads && stored.messageId !== null) {
        const threadId = stored.threadId ?? stored.messageId;
        const place = { ...toPlace(stored), threadId };
        const detail = { subject: `${subject}#${key}`, shown: {}, card: content };
        await once(place, detail, (identity) => post(place, content, identity));
      }
    });
  }

  async function tell(platform: string, userId: string, live: LiveCard): Promise<void> {
    // The channel of a conversation is known only after the first message, so the claim is on the person.
    const place = { platform, channelId: `@${userId}` };
    await once(place, live, (identity) =>
      send(platform, live.card, (message) =>
        platformOf(platform).direct(userId, { ...message, ...identity }),
      ),
    );
  }

  async function restore(message: MessageRef, render: RenderSubject): Promise<void> {
    const stored = await chatStore.postAt(message);
    if (!stored) {
      return;
    }
    const { subject } = stored;
    await inSlot(toPlace(stored), subject, async () => {
      const previous = await find(toPlace(stored), subject);
      // Meanwhile an edit may have met the gap and posted it again.
      if (!isPosted(previous) || previous.messageId !== message.messageId) {
        return;
      }
      const live = await render(subject, previous);
      if (live && pressableItems(live.card).length > 0) {
        await remember(await post(toPlace(previous), live.card), live);
      }
    });
  }

  async function find(place: Place, subject: string): Promise<StoredPost | undefined> {
    const { platform, channelId } = place;
    return (await chatStore.newestPost({ platform, channelId }, subject)) ?? undefined;
  }

  async function flush(): Promise<void> {
    for (const slot of slots.values()) {
      slot.hurry?.();
    }
    while (running.size > 0) {
      await Promise.allSettled([...running]);
    }
  }

  /** Posts what nobody has posted yet; the claim decides between two who try. */
  async function postFirst(place: Place, live: LiveCard): Promise<MessageRef> {
    const claim = toStored(place, live);
    if (!(await chatStore.claimPost(claim))) {
      throw new UpstreamUnavailable({
        system: place.platform,
        operation: "posting a card",
        why: "somebody else is posting it",
      });
    }
    let ref: MessageRef;
    try {
      ref = await post(place, live.card, { key: keyOf(claim) });
    } catch (error) {
      await chatStore.forgetPost(live.subject, place.platform, place.channelId);
      throw error;
    }
    await remember(ref, live);
    return ref;
  }

  /** Posts what was posted before, or was claimed and perhaps never posted. */
  async function postAnew(place: Place, previous: StoredPost, live: LiveCard): Promise<MessageRef> {
    if (!isPosted(previous) && !isAbandoned(previous)) {
      throw new UpstreamUnavailable({
        system: place.platform,
        operation: "posting a card",
        why: "somebody else is posting it",
      });
    }
    const repeat = isPosted(previous) ? {} : { key: keyOf(previous), repeated: true };
    const ref = await post(place, live.card, repeat);
    await remember(ref, live);
    await retire(previous, ref, live);
    return ref;
  }

  function isAbandoned({ postedAt }: StoredPost): boolean {
    const age = clock.now().getTime() - postedAt.getTime();
    return postedAt < startedAt || age >= CLAIM_TIMEOUT_MS;
  }

  /** Says a thing at most once per subject and place, also after a crash. */
  async function once(
    place: Place,
    live: LiveCard,
    say: (identity: Identity) => Promise<MessageRef>,
  ): Promise<void> {
    await inSlot(place, live.subject, async () => {
      const previous = await find(place, live.subject);
      if (isPosted(previous)) {
        return;
      }
      let claim = toStored(place, live);
      const repeated = previous !== undefined && isAbandoned(previous);
      if (repeated) {
        await chatStore.forgetPost(live.subject, place.platform, place.channelId);
        claim = { ...claim, postedAt: previous.postedAt };
      }
      if (!(await chatStore.claimPost(claim))) {
        throw new UpstreamUnavailable({
          system: place.platform,
          operation: "posting a message",
          why: "somebody else is posting it",
        });
      }
      let ref: MessageRef;
      try {
        ref = await say({ key: keyOf(claim), repeated });
      } catch (error) {
        await chatStore.forgetPost(live.subject, place.platform, place.channelId);
        throw error;
      }
      await chatStore.savePost({
        ...toStored(place, live),
        messageId: ref.messageId,
        editedAt: null,
      });
    });
  }

  async function update(slot: Slot, previous: PostedMessage, live: LiveCard): Promise<MessageRef> {
    const ref = toRef(previous);
    const contentHash = hash(live.card);
    const isShown = contentHash === previous.contentHash && same(previous.shown, live.shown);
    if (isShown && !isWornOut(previous, live)) {
      return ref;
    }
    try {
      await edit(ref, live.card);
    } catch (error) {
      if (!(error instanceof MessageNotFound)) {
        throw error;
      }
      const anew = await post(toPlace(previous), live.card);
      await remember(anew, live);
      return anew;
    }
    slot.lastEditAt = clock.now().getTime();
    const { shown } = live;
    await chatStore.savePost({ ...previous, contentHash, shown, editedAt: clock.now() });
    return ref;
  }

  /** Buttons work for a while only. Those of a card that nothing happens to are renewed long before. */
  function isWornOut({ postedAt, editedAt }: StoredPost, { card: content }: LiveCard): boolean {
    const age = clock.now().getTime() - (editedAt ?? postedAt).getTime();
    return age > TOKEN_LIFETIME_MS / 2 && pressableItems(content).length > 0;
  }

  /** Takes the buttons off a message that is no longer the live one. Its text says where to look. */
  async function retire(
    previous: StoredPost | undefined,
    next: MessageRef,
    live: LiveCard,
  ): Promise<void> {
    if (!isPosted(previous) || previous.messageId === next.messageId) {
      return;
    }
    try {
      await edit(toRef(previous), movedCard(live));
    } catch (error) {
      if (!(error instanceof AppError)) {
        throw error;
      }
      // The old message is gone or cannot be reached. The new one is there, which is what matters.
      deps.logger.debug({ err: error, subject: live.subject }, "could not retire a message");
    }
  }

  async function remember(ref: MessageRef, live: LiveCard): Promise<void> {
    await chatStore.savePost({
      ...toStored(ref, live),
      messageId: ref.messageId,
      editedAt: null,
    });
  }

  function toStored(
    place: Place,
    live: LiveCard,
  ): Omit<StoredPost, "messageId" | "editedAt"> & {
    readonly messageId: null;
    readonly editedAt: null;
  } {
    return {
      subject: live.subject,
      platform: place.platform,
      channelId: place.channelId,
      threadId: place.threadId ?? null,
      messageId: null,
      contentHash: hash(live.card),
      shown: live.shown,
      postedAt: clock.now(),
      editedAt: null,
    };
  }

  async function post(place: Place, content: Card, identity: Identity = {}): Promise<MessageRef> {
    return send(place.platform, content, (message) =>
      platformOf(place.platform).post(place, { ...message, ...identity }),
    );
  }

  async function send(
    platform: string,
    content: Card,
    deliver: (message: Outgoing) => Promise<MessageRef>,
  ): Promise<MessageRef> {
    const issued = await tokens.issue(platform, content);
    const ref = await deliver({ card: content, tokens: issued });
    await tokens.bind(issued, ref);
    return ref;
  }

  async function edit(ref: MessageRef, content: Card): Promise<void> {
    const issued: ReadonlyMap<ActionItem, string> = await tokens.issue(ref.platform, content);
    await tokens.bind(issued, ref);
    await platformOf(ref.platform).edit(ref, { card: content, tokens: issued });
  }

  function platformOf(id: string): ChatPlatform {
    const platform = platforms.get(id);
    if (!platform) {
      throw new UpstreamUnavailable({
        system: id,
        operation: "posting",
        why: "it is not configured",
      });
    }
    return platform;
  }

  function inSlot<T>(place: Place, subject: string, work: (slot: Slot) => Promise<T>): Promise<T> {
    const slot = slotOf(place, subject);
    slot.users += 1;
    const done = slot
      .inTurn(() => work(slot))
      .finally(() => {
        slot.users -= 1;
      });
    return track(done);
  }

  /** Runs `work` no more often than the platform likes; calls that come before it begins share it. */
  function soon(
    place: Place,
    subject: string,
    how: KeepOptions,
    work: (slot: Slot) => Promise<void>,
  ): Promise<void> {
    if (how.urgent || how.anew) {
      return inSlot(place, subject, work);
    }
    const slot = slotOf(place, subject);
    slot.waiting ??= track(
      pause(slot, place.platform).then(() =>
        inSlot(place, subject, async (own) => {
          own.waiting = undefined;
          await work(own);
        }),
      ),
    );
    return slot.waiting;
  }

  async function pause(slot: Slot, platform: string): Promise<void> {
    const interval = platforms.get(platform)?.features.editIntervalMs ?? EDIT_INTERVAL_MS;
    const rest = slot.lastEditAt + interval - clock.now().getTime();
    if (rest <= 0) {
      return;
    }
    slot.users += 1;
    await new Promise<void>((resolve) => {
      const cancel = timers.after(rest, resolve);
      slot.hurry = () => {
        cancel();
        resolve();
      };
    });
    slot.hurry = undefined;
    slot.users -= 1;
  }

  function slotOf(place: Place, subject: string): Slot {
    const key = `${place.platform}\n${place.channelId}\n${subject}`;
    const known = slots.get(key);
    if (known) {
      return known;
    }
    for (const [oldest, slot] of slots) {
      if (slots.size < REMEMBERED_SLOTS) {
        break;
      }
      if (slot.users === 0 && slot.waiting === undefined) {
        slots.delete(oldest);
      }
    }
    const slot: Slot = {
      inTurn: createQueue(),
      lastEditAt: 0,
      waiting: undefined,
      hurry: undefined,
      users: 0,
    };
    slots.set(key, slot);
    return slot;
  }

  function track<T>(work: Promise<T>): Promise<T> {
    running.add(work);
    const forget = () => running.delete(work);
    work.then(forget, forget);
    return work;
  }
}

/** In a thread, while the live message stands in the channel itself or in another thread. */
function leavesChannel(place: Place, previous: StoredPost): boolean {
  return place.threadId !== undefined && place.threadId !== previous.threadId;
}

/** What stays of a message whose card stands further down now: no buttons that could be pressed by mistake. */
function movedCard(live: LiveCard): Card {
  return card(
    subjectName(live.subject),
    "neutral",
    note("Moved: the current card is further down."),
  );
}

function toCopy(original: Card): Card {
  const remark = note(
    "This is a copy as of now. The card that stays up to date is in the channel.",
  );
  return { ...original, blocks: remark ? [...original.blocks, remark] : original.blocks };
}

/** One claim is one message, however often it is tried to post it. */
function keyOf({ subject, platform, channelId, postedAt }: Claimed): string {
  return [subject, platform, channelId, postedAt.getTime()].join("\n");
}

/** Not only claimed: there is a message. */
function isPosted(stored: StoredPost | undefined): stored is PostedMessage {
  return stored !== undefined && stored.messageId !== null;
}

function toPlace(stored: StoredPost): Place {
  const { platform, channelId, threadId } = stored;
  return { platform, channelId, ...(threadId === null ? {} : { threadId }) };
}

function toRef(stored: PostedMessage): MessageRef {
  return { ...toPlace(stored), messageId: stored.messageId };
}

function hash(content: Card): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

/** Whether both show the same; a database may give the keys back in another order. */
function same(a: StoredPost["shown"], b: StoredPost["shown"]): boolean {
  return JSON.stringify(Object.entries(a).sort()) === JSON.stringify(Object.entries(b).sort());
}
