import { describe, expect, it } from "vitest";
import { judgeLink, linkPauseMs, type LinkFacts, type LinkVerdict } from "./account-link.ts";

const now = new Date("2026-11-25T12:00:00Z");
const facts: LinkFacts = {
  request: { expiresAt: new Date("2026-11-25T12:05:00Z"), usedAt: null },
  holder: null,
  claimant: "sub-dana",
  now,
};
const used = { ...facts.request, usedAt: new Date("2026-11-25T11:58:00Z") };
const old = { ...facts.request, expiresAt: now };

describe(judgeLink.name, () => {
  it.each<[string, Partial<LinkFacts>, LinkVerdict]>([
    ["a fresh link to an account of nobody's", {}, "bind"],
    ["a link at the moment it ends", { request: old }, "expired"],
    ["a used link to an account that was unlinked since", { request: used }, "used"],
    ["a used and old link", { request: { ...used, expiresAt: now } }, "used"],
    ["a fresh link to an account of somebody else's", { holder: "sub-quinn" }, "taken"],
    ["a used link, followed by somebody else", { holder: "sub-quinn", request: used }, "used"],
    ["the same link once more, by who used it", { holder: "sub-dana", request: used }, "bound"],
    ["another link to an account that is theirs", { holder: "sub-dana" }, "bound"],
    ["an old link to an account that is theirs", { holder: "sub-dana", request: old }, "bound"],
  ])("judges %s", (_what, changes, verdict) => {
    expect(judgeLink({ ...facts, ...changes })).toBe(verdict);
  });
});

describe(linkPauseMs.name, () => {
  const ago = (...minutes: number[]) =>
    minutes.map((each) => new Date(now.getTime() - each * 60_000));

  it.each<[string, readonly Date[], number]>([
    ["nobody asked yet", [], 0],
    ["four times in ten minutes", ago(1, 2, 3, 4), 0],
    ["five times: until the first is ten minutes old", ago(4, 3, 2, 1, 5), 5 * 60_000],
    ["five times, the first of them exactly ten minutes ago", ago(1, 2, 3, 4, 10), 0],
    ["often, long ago", ago(11, 12, 13, 14, 15, 16), 0],
  ])("%s", (_when, requestedAt, ms) => {
    expect(linkPauseMs(requestedAt, now)).toBe(ms);
  });
});
