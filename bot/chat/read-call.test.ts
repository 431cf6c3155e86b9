import { describe, expect, it } from "vitest";
import { readCall } from "./read-call.ts";

const calls = ["@slipway", "<@U1>"];

describe(readCall.name, () => {
  it.each([
    ["@slipway help", "help"],
    ["@SlipWay: help", "help"],
    ["  \u200B@slipway,\u202A help me", "help me"],
    ["@slipway", ""],
    ["@slipway\nhelp", "help"],
    ["<@U1> status prod", "status prod"],
  ])("reads %j", (text, expected) => {
    expect(readCall(text, calls)).toBe(expected);
  });

  it.each([["@slipway2 help"], ["@slipway-test help"], ["hello @slipway"], ["slipway help"], [""]])(
    "leaves %j to others",
    (text) => {
      expect(readCall(text, calls)).toBeUndefined();
    },
  );
});
