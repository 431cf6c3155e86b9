import { describe, expect, it } from "vitest";
import type { RoomMessage } from "../../../shared/contract/room.ts";
import { readCommand } from "./inbound.ts";

function said(text: string, changes: Partial<RoomMessage> = {}): RoomMessage {
  return {
    id: "m1",
    seq: 1,
    channel: "releases",
    threadId: null,
    author: { subject: "sub-dana", username: "dana", name: "Dana", bot: false },
    text,
    card: null,
    actions: [],
    ephemeral: false,
    replyCount: 0,
    createdAt: "2026-11-25T12:00:00.000Z",
    editedAt: null,
    ...changes,
  };
}

describe(readCommand.name, () => {
  it.each([
    ["@slipway approve 12 as dev", "approve 12 as dev"],
    ["@Slipway: approve 12", "approve 12"],
    ["/slipway help", "help"],
    ["slipway: help", "help"],
    ["Slipway, help", "help"],
    ["  @slipway   help ", "help "],
    ["\u200B@slipway help", "help"],
    ["@slipway", ""],
    ["@slipway\nhelp", "help"],
  ])("hears %j", (text, expected) => {
    expect(readCommand(said(text), null)).toBe(expected);
  });

  it.each([
    "help",
    "slipway is nice",
    "@slipwayx help",
    "ask @slipway for help",
    "/slipwayhelp",
    "",
  ])("leaves %j alone", (text) => {
    expect(readCommand(said(text), null)).toBeUndefined();
  });

  it("hears everything in a conversation with the bot", () => {
    expect(readCommand(said("help", { channel: "dm:sub-dana" }), null)).toBe("help");
    expect(readCommand(said("@slipway help", { channel: "dm:sub-dana" }), null)).toBe("help");
  });

  it("ignores bots and what only one person sees", () => {
    const author = { subject: "x", username: "x", name: "X", bot: true };
    expect(readCommand(said("@slipway help", { author }), null)).toBeUndefined();
    expect(readCommand(said("@slipway help", { ephemeral: true }), null)).toBeUndefined();
    expect(readCommand(said("@slipway help"), "sub-dana")).toBeUndefined();
  });
});
