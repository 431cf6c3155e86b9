import { describe, expect, it } from "vitest";
import type { ConnectionView } from "../../../../../shared/contract/connection.ts";
import { changesBetween, connectionTitle } from "./connection-words.ts";
import { deviceWords } from "./device-words.ts";

describe(connectionTitle.name, () => {
  it.each([
    ["database", "Database"],
    ["identity-provider", "Identity provider"],
    ["chat:slack", "Slack"],
    ["chat:room", "Room"],
    ["chat:zulip", "zulip"],
    ["scm:github:0", "GitHub"],
    ["scm:github:1", "GitHub 2"],
    ["scm:forge", "forge"],
    ["something-new", "something-new"],
  ])("calls %s %s", (name, title) => {
    expect(connectionTitle(name)).toBe(title);
  });
});

describe(changesBetween.name, () => {
  it("tells what changed its state, and nothing of what is new or the same", () => {
    const one = (name: string, state: ConnectionView["state"]): ConnectionView => ({
      ...{ name, state, required: false, detail: null },
    });
    expect(
      changesBetween(
        [one("database", "up"), one("chat:slack", "up"), one("chat:room", "starting")],
        [one("database", "up"), one("chat:slack", "down"), one("chat:room", "up"), one("x", "up")],
      ),
    ).toEqual(["Slack: not connected.", "Room: connected."]);
  });
});

describe(deviceWords.name, () => {
  it.each([
    ["Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"],
    [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
      "Edge on Windows",
    ],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
      "Safari on macOS",
    ],
    [
      "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
      "Chrome on iPhone",
    ],
    [
      "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36",
      "Chrome on Android",
    ],
    ["Something (Linux)", "Unknown browser on Linux"],
    ["curl/8.5.0", "curl/8.5.0"],
    ["", "Unknown browser"],
    [null, "Unknown browser"],
  ])("calls %s %s", (userAgent, words) => {
    expect(deviceWords(userAgent)).toBe(words);
  });
});
