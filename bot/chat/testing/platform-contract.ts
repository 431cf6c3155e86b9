import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MessageNotFound } from "../../../shared/errors/catalog.ts";
import type { Card } from "../card.ts";
import { pressableItems } from "../card-to-text.ts";
import type { ChatPlatform, Inbound, MessageRef, Outgoing, Place } from "../platform.ts";
import { sampleCards } from "./sample-cards.ts";

/** How a test drives the far side of a platform: the people in it, and what they see. */
export interface PlatformHarness {
  readonly platform: ChatPlatform;
  /** Who speaks, where a platform's ids have a form of their own; `sub-dana` when absent. */
  readonly userId?: string;
  /** How people address the bot, e.g. `@slipway `. */
  readonly mention: string;
  /** A channel that the bot reads. */
  readonly channelId: string;
  /** The conversation between this person and the bot. */
  directChannelOf(userId: string): string;
  /** A person writes; resolves when the platform has passed it on. */
  say(
    text: string,
    where: { readonly userId: string; readonly channelId: string; readonly threadId?: string },
  ): Promise<void>;
  /** Another bot, or this one, writes. */
  sayAsBot(text: string): Promise<void>;
  /** The last message is delivered again. */
  redeliver(): Promise<void>;
  /** A person presses the item with this token. */
  press(
    ref: MessageRef,
    token: string,
    userId: string,
    values?: Readonly<Record<string, string>>,
  ): Promise<void>;
  /** What stands there now, and who sees it (a user id, or `everyone`); undefined when there is no such message. */
  read(ref: MessageRef): Promise<{ readonly text: string; readonly visibleTo: string } | undefined>;
  remove(ref: MessageRef): Promise<void>;
}

/** What every chat platform promises. Run it on each, fake and real. */
export function platformContract(name: string, create: () => Promise<PlatformHarness>): void {
  describe(`${name} keeps the contract of chat platforms`, () => {
    let harness: PlatformHarness;
    let userId: string;
    let inbox: Inbound[];
    let onInbound: (event: Inbound) => Promise<void>;

    beforeEach(async () => {
      harness = await create();
      userId = harness.userId ?? "sub-dana";
      inbox = [];
      onInbound = async () => undefined;
      await harness.platform.start(async (event) => {
        inbox.push(event);
        await onInbound(event);
      });
    });

    afterEach(async () => {
      await harness.platform.stop();
    });

    it("tells its state", async () => {
      expect(harness.platform.status()).toMatchObject({ state: "connected" });
      await harness.platform.stop();
      expect(harness.platform.status()).toMatchObject({ state: "stopped" });
    });

    it("passes on a mention as a command, without the mention", async () => {
      await harness.say(`${harness.mention}approve 12 as dev`, here());
      expect(inbox).toMatchObject([
        {
          type: "command",
          text: "approve 12 as dev",
          direct: true,
          user: { platform: harness.platform.id, userId },
          place: { platform: harness.platform.id, channelId: harness.channelId },
        },
      ]);
      const [event] = inbox;
      expect(event?.sentAt).toBeInstanceOf(Date);
      expect(event?.place.threadId).toBeUndefined();
      expect(event?.deliveryId).toBeTruthy();
    });

    it("passes on everything said in a conversation with the bot", async () => {
      const channelId = harness.directChannelOf(userId);
      await harness.say("help", { userId, channelId });
      expect(inbox).toMatchObject([{ text: "help", direct: true, place: { channelId } }]);
    });

    it("leaves people's chatter alone", async () => {
      await harness.say("approve 12 as dev, they said", here());
      expect(inbox.filter((event) => event.type === "command" && event.direct)).toEqual([]);
    });

    it("ignores itself and other bots", async () => {
      await harness.sayAsBot(`${harness.mention}approve 12 as dev`);
      expect(inbox).toEqual([]);
    });

    it("gives a redelivered message the same delivery id, and another message another", async () => {
      await harness.say(`${harness.mention}help`, here());
      await harness.redeliver();
      await harness.say(`${harness.mention}help`, here());
      const ids = inbox.map((event) => event.deliveryId);
      expect(ids[1]).toBe(ids[0]);
      expect(ids[2]).not.toBe(ids[0]);
    });

    it("answers in the thread when asked in one", async () => {
      const root = await harness.platform.post(place(), message("text"));
      await harness.say(`${harness.mention}help`, { ...here(), threadId: root.messageId });
      expect(inbox[0]?.place.threadId).toBe(root.messageId);
      const ref = await inbox[0]?.reply.send(message("note"));
      expect(ref?.threadId).toBe(root.messageId);
    });

    it("passes on a press with its token, its message and the answers of its form", async () => {
      onInbound = (event) => event.reply.acknowledge();
      const sent = message("actions");
      const ref = await harness.platform.post(place(), sent);
      const [button, form] = [...sent.tokens.values()];
      await harness.press(ref, button ?? "", userId);
      await harness.press(ref, form ?? "", userId, { reason: "broken" });
      expect(inbox).toMatchObject([
        {
          type: "action",
          token: button,
          message: { messageId: ref.messageId },
          user: { userId },
          values: {},
        },
        { type: "action", token: form, values: { reason: "broken" } },
      ]);
      expect(inbox[1]?.deliveryId).not.toBe(inbox[0]?.deliveryId);
    });

    it("replaces the message that was pressed", async () => {
      onInbound = (event) => event.reply.acknowledge();
      const sent = message("actions");
      const ref = await harness.platform.post(place(), sent);
      await harness.press(ref, [...sent.tokens.values()][0] ?? "", userId);
      await inbox[0]?.reply.replaceSource(message("text"));
      expect((await harness.read(ref))?.text).toContain("Text");
    });

    it.each(Object.keys(sampleCards))("posts and edits the sample card %s", async (sample) => {
      const ref = await harness.platform.post(place(), message(sample));
      const title = cardOf(sample).title.slice(0, 20);
      expect((await harness.read(ref))?.text).toContain(title);
      await harness.platform.edit(ref, message("text"));
      expect((await harness.read(ref))?.text).toContain("Text");
      await harness.platform.edit(ref, message(sample));
      expect((await harness.read(ref))?.text).toContain(title);
    });

    it("shows a private answer to one person only", async () => {
      await harness.say(`${harness.mention}whoami`, here());
      const ref = await inbox[0]?.reply.send({ ...message("text"), visibility: "only-you" });
      if (ref) {
        expect((await harness.read(ref))?.visibleTo).toBe(userId);
      }
    });

    it("writes to one person", async () => {
      const ref = await harness.platform.direct(userId, message("text"));
      expect(ref.channelId).toBe(harness.directChannelOf(userId));
    });

    it("says when the message to edit is gone", async () => {
      const ref = await harness.platform.post(place(), message("text"));
      await harness.remove(ref);
      await expect(harness.platform.edit(ref, message("note"))).rejects.toThrow(MessageNotFound);
    });

    it("goes on after a message that could not be served", async () => {
      onInbound = async () => {
        throw new Error("broken handler");
      };
      await harness.say(`${harness.mention}help`, here());
      onInbound = async () => undefined;
      await harness.say(`${harness.mention}help`, here());
      expect(inbox).toHaveLength(2);
    });

    it("waits for what it is serving when it stops, and passes nothing on afterwards", async () => {
      let done = false;
      let finish: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        finish = resolve;
      });
      onInbound = async () => {
        await gate;
        done = true;
      };
      void harness.say(`${harness.mention}help`, here());
      // Over a real socket it takes a moment.
      await vi.waitFor(() => expect(inbox).toHaveLength(1));
      const stopping = harness.platform.stop();
      finish();
      await stopping;
      expect(done).toBe(true);
      await harness.say(`${harness.mention}help`, here());
      expect(inbox).toHaveLength(1);
    });

    function here() {
      return { userId, channelId: harness.channelId };
    }

    function place(): Place {
      return { platform: harness.platform.id, channelId: harness.channelId };
    }
  });
}

function cardOf(sample: string): Card {
  const card = sampleCards[sample];
  if (!card) {
    throw new Error(`no sample card is called "${sample}"`);
  }
  return card;
}

/** A sample card as the router sends it, with a token for each item. */
export function message(sample: string): Outgoing {
  const card = cardOf(sample);
  const tokens = pressableItems(card).map(
    (item, index) => [item, `token${sample}${index}`] as const,
  );
  return { card, tokens: new Map(tokens) };
}
