import { describe, expect, it } from "vitest";
import { DiscordOptions } from "./options.ts";

const given = {
  token: "hush-hush",
  application_id: "1234567890123456789",
  guild_id: "1234567890123456788",
};

describe("chat.discord of the configuration", () => {
  it("is complete with a token and two ids", () => {
    const options = DiscordOptions.parse(given);
    expect(options).toMatchObject({ api_url: "https://discord.com/api", guild_id: given.guild_id });
    expect(JSON.stringify(options)).not.toContain("hush-hush");
  });

  it("takes another address of the API", () => {
    const options = DiscordOptions.parse({ ...given, api_url: "http://127.0.0.1:8080/api/" });
    expect(options.api_url).toBe("http://127.0.0.1:8080/api");
  });

  it.each([
    // Written without quotes it would have become 1234567890123456800.
    [{ guild_id: Number("1234567890123456788") }, /must be in quotes/],
    [{ guild_id: "acme" }, /is not an id of Discord/],
    [{ token: "" }, /must not be empty/],
    [{ api_url: "discord" }, /is not a web address/],
    [{ prefix: "!" }, /Unrecognized key/],
  ])("refuses %j", (change, why) => {
    expect(() => DiscordOptions.parse({ ...given, ...change })).toThrow(why);
  });
});
