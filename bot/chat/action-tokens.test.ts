import { describe, expect, it } from "vitest";
import { createManualClock } from "../../shared/testing/clock.ts";
import { createActionTokens } from "./action-tokens.ts";
import { createFakeChatStore } from "./testing/fake-chat-store.ts";
import { sampleCards } from "./testing/sample-cards.ts";
import { pressableItems } from "./card-to-text.ts";

const message = { platform: "fake", channelId: "releases", messageId: "m1" };
const sample = sampleCards["actions"] ?? { title: "", tone: "neutral", blocks: [] };

async function setUp() {
  const clock = createManualClock();
  const chatStore = createFakeChatStore();
  const tokens = createActionTokens({ chatStore, clock });
  const issued = await tokens.issue("fake", sample);
  await tokens.bind(issued, message);
  const [button, form] = pressableItems(sample).map((item) => issued.get(item) ?? "");
  return { clock, chatStore, tokens, issued, button: button ?? "", form: form ?? "" };
}

describe(createActionTokens.name, () => {
  it("makes one unguessable token for each item that can be pressed, and none for links", async () => {
    const { issued } = await setUp();
    expect(issued.size).toBe(2);
    for (const token of issued.values()) {
      // log2(62) bits each, at least 128 together; letters and digits only, as Mattermost wants.
      expect(token).toMatch(/^[A-Za-z0-9]{22,}$/);
    }
    expect(new Set(issued.values()).size).toBe(2);
  });

  it("gives back what a button and a form mean", async () => {
    const { tokens, button, form } = await setUp();
    expect(await tokens.resolve(button, message)).toEqual({
      type: "action",
      call: { action: "sample.noop", payload: { release: 12 } },
    });
    expect(await tokens.resolve(form, message)).toMatchObject({
      type: "form",
      form: { title: "Reject release #12" },
    });
  });

  it.each([
    ["another message", { ...message, messageId: "m2" }],
    ["another channel", { ...message, channelId: "random" }],
    ["another platform", { ...message, platform: "other" }],
  ])("refuses a token pressed on %s", async (_, pressed) => {
    const { tokens, button } = await setUp();
    await expect(tokens.resolve(button, pressed)).rejects.toThrow("too old to be used");
  });

  it("refuses an unknown token, and a token after thirty days", async () => {
    const { tokens, clock, button } = await setUp();
    await expect(tokens.resolve("nope", message)).rejects.toThrow("too old");
    clock.set(new Date(clock.now().getTime() + 30 * 24 * 3_600_000 - 1));
    await expect(tokens.resolve(button, message)).resolves.toBeDefined();
    clock.set(new Date(clock.now().getTime() + 1));
    await expect(tokens.resolve(button, message)).rejects.toThrow("too old");
  });

  it("gives a form that is being opened a token of its own, bound to no message", async () => {
    const { tokens } = await setUp();
    const form = { title: "Why", fields: [], submit: { action: "x.y", payload: 1 } };
    const token = await tokens.issueForm("fake", form);
    expect(await tokens.resolve(token, { ...message, messageId: "" })).toEqual({
      type: "form",
      form,
    });
  });
});
