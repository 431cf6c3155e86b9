import { describe, expect, it } from "vitest";
import { Secret } from "../../../shared/config/secret.ts";
import { SlackOptions } from "./options.ts";

const whole = { bot_token: "xoxb-1", app_token: "xapp-1" };

describe("chat.slack", () => {
  it.each([
    [undefined, "https://slack.com/api/"],
    ["https://slack.com/api", "https://slack.com/api/"],
    ["http://127.0.0.1:4000", "http://127.0.0.1:4000/api/"],
    ["http://127.0.0.1:4000/", "http://127.0.0.1:4000/api/"],
    ["http://127.0.0.1:4000/slack/api/", "http://127.0.0.1:4000/slack/api/"],
  ])("takes the address %s of the Web API", (given, expected) => {
    const options = SlackOptions.parse({
      ...whole,
      ...(given === undefined ? {} : { api_url: given }),
    });
    expect(options.api_url).toBe(expected);
    // What was read once can be read again.
    expect(SlackOptions.parse(options)).toEqual(options);
  });

  it.each([
    [{ ...whole, signing_secret: "s" }],
    [{ bot_token: "xoxb-1", signing_secret: "s" }],
    [whole],
  ])("takes %j", (given) => {
    expect(SlackOptions.safeParse(given).success).toBe(true);
  });

  it.each([
    ["neither a socket nor a signature", { bot_token: "xoxb-1" }, /app_token.*signing_secret/],
    ["an app-level token for the bot", { ...whole, bot_token: "xapp-1" }, /wants the bot token/],
    ["a bot token for the sockets", { ...whole, app_token: "xoxb-1" }, /wants the app-level token/],
    ["a key that is not known", { ...whole, token: "x" }, /token/],
    ["no web address", { ...whole, api_url: "slack.com" }, /web address/],
  ])("refuses %s", (_what, given, message) => {
    const parsed = SlackOptions.safeParse(given);
    expect(parsed.error?.message).toMatch(message);
  });

  it("shows no secret", () => {
    const options = SlackOptions.parse({ ...whole, signing_secret: "hush" });
    expect(options.bot_token).toBeInstanceOf(Secret);
    expect(JSON.stringify(options)).not.toMatch(/xoxb|xapp|hush/);
  });
});
