import { describe, expect, it } from "vitest";
import {
  IncomingMessage,
  customId,
  idAt,
  readCommand,
  readInteraction,
  timeOf,
  toPlace,
  toUser,
} from "./inbound.ts";

const me = { id: "100", username: "slipway", roleId: "300" };
const dana = { id: "200", username: "dana", bot: false, system: false };
const member = { nick: null, pending: false, flags: 0, roles: [] };

function message(change: object): IncomingMessage {
  return IncomingMessage.parse({ id: "1", channel_id: "2", author: dana, ...change });
}

describe(readCommand, () => {
  it.each([
    ["<@100> approve 12 as dev", "approve 12 as dev"],
    ["<@!100>, status", "status"],
    ["  <@100>", ""],
    ["\u200B<@100>\u202E help", "help"],
    ["<@&300> help", "help"],
    ["@slipway help", "help"],
    ["@Slipway: help", "help"],
    ["@slipwayer help", undefined],
    ["<@1001> help", undefined],
    ["hello <@100> help", undefined],
    ["approve 12 as dev", undefined],
    ["", undefined],
  ])("reads %j", (content, text) => {
    expect(readCommand(message({ content }), { me, direct: false })).toBe(text);
  });

  it("takes everything for a command that is said in a conversation", () => {
    expect(readCommand(message({ content: "status" }), { me, direct: true })).toBe("status");
    expect(readCommand(message({ content: "<@100> status" }), { me, direct: true })).toBe("status");
  });

  it.each([
    ["itself", { author: { ...dana, id: "100" } }],
    ["another bot", { author: { ...dana, bot: true } }],
    ["Discord itself", { author: { ...dana, system: true } }],
    ["a webhook", { webhook_id: "9" }],
    ["a server that welcomes somebody", { type: 7 }],
    ["the shadow of a slash command", { type: 20 }],
  ])("hears nothing of %s", (_, change) => {
    const given = message({ content: "<@100> deploy 12", ...change });
    expect(readCommand(given, { me, direct: true })).toBeUndefined();
  });

  it("hears what is said in reply to a message", () => {
    const given = message({ content: "<@100> why 1", type: 19 });
    expect(readCommand(given, { me, direct: false })).toBe("why 1");
  });
});

describe(toUser, () => {
  it.each([
    ["a member", dana, member, "person"],
    ["somebody who is in our server no more", dana, undefined, "guest"],
    ["somebody who has not agreed to the rules", dana, { ...member, pending: true }, "guest"],
    ["a guest of a voice channel", dana, { ...member, flags: 16 }, "guest"],
    ["a bot", { ...dana, bot: true }, member, "bot"],
  ])("knows %s", (_, user, given, kind) => {
    expect(toUser(user, given, "7")).toMatchObject({ kind, workspace: "7", userId: "200" });
  });

  it("calls people as their server does", () => {
    const name = (nick: string | null, globalName: string | null) =>
      toUser({ ...dana, global_name: globalName }, { ...member, nick }, "7").displayName;
    expect(name("Dana (QA)", "Dana O.")).toBe("Dana (QA)");
    expect(name(null, "Dana O.")).toBe("Dana O.");
    expect(name(null, null)).toBe("dana");
  });
});

describe("ids of Discord", () => {
  it("carry their time", () => {
    // reference#snowflakes
    expect(timeOf("175928847299117063").toISOString()).toBe("2016-04-30T11:18:25.796Z");
    const at = new Date("2026-11-25T09:00:00.000Z");
    expect(timeOf(idAt(at))).toEqual(at);
    expect(timeOf("nonsense").getTime()).toBe(0);
  });
});

describe(toPlace, () => {
  it("takes a thread for a place in its channel", () => {
    expect(toPlace({ id: "5", type: 0, parent_id: "1" })).toEqual({
      platform: "discord",
      channelId: "5",
    });
    expect(toPlace({ id: "5", type: 11, parent_id: "1" })).toEqual({
      platform: "discord",
      channelId: "1",
      threadId: "5",
    });
  });
});

describe(readInteraction, () => {
  const base = {
    id: "1",
    application_id: "10",
    token: "t",
    guild_id: "7",
    channel: { id: "5", type: 0 },
    member: { ...member, user: dana },
    message: { id: "6", flags: 64 },
  };

  it("reads a press, and whether it opens a form", () => {
    const press = { ...base, type: 3, data: { custom_id: customId("action", "abc") } };
    expect(readInteraction(press, "10")).toMatchObject({
      type: "press",
      action: "abc",
      opensForm: false,
      source: { messageId: "6", isPrivate: true },
      user: { id: "200" },
      guildId: "7",
    });
    const form = { ...base, type: 3, data: { custom_id: customId("form", "abc") } };
    expect(readInteraction(form, "10")).toMatchObject({ action: "abc", opensForm: true });
  });

  it("reads the answers of a form, whatever they were given in", () => {
    const sent = {
      ...base,
      type: 5,
      data: {
        custom_id: customId("sent", "abc"),
        components: [
          { type: 18, component: { type: 4, custom_id: "reason", value: "broken" } },
          { type: 18, component: { type: 3, custom_id: "then", values: ["leave"] } },
          { type: 18, component: { type: 23, custom_id: "sure", value: true } },
          { type: 18, component: { type: 23, custom_id: "quiet", value: false } },
          { type: 1, components: [{ type: 4, custom_id: "ticket", value: "OPS-1" }] },
        ],
      },
    };
    expect(readInteraction(sent, "10")).toMatchObject({
      type: "form",
      action: "abc",
      values: { reason: "broken", then: "leave", sure: "true", quiet: "", ticket: "OPS-1" },
    });
  });

  it.each([
    ["another application", { ...base, application_id: "11", type: 3, data: { custom_id: "a:x" } }],
    ["a button of an older kind", { ...base, type: 3, data: { custom_id: "approve-12" } }],
    ["a form that is none of ours", { ...base, type: 5, data: { custom_id: "a:x" } }],
    ["a kind nobody knows", { ...base, type: 99, data: {} }],
    ["nobody", { ...base, member: undefined, type: 3, data: { custom_id: "a:x" } }],
    ["nothing at all", null],
  ])("leaves %s alone", (_, data) => {
    expect(readInteraction(data, "10")).toBeUndefined();
  });
});
