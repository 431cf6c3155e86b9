import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadConfig } from "../../../shared/config/load-config.ts";
import { Secret } from "../../../shared/config/secret.ts";
import { ConfigInvalid } from "../../../shared/errors/catalog.ts";
import { platformSchemas } from "../index.ts";
import { MattermostOptions, slashTokensOf } from "./options.ts";

const token = "botbotbotbotbotbotbotbotbo";
const whole = {
  url: "https://chat.example.com",
  token,
  callback_url: "https://releases.example.com",
};

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "slipway-config-"));
});
afterEach(() => {
  rmSync(cwd, { recursive: true, force: true });
});

function load(text: string, env: Readonly<Record<string, string>> = {}) {
  writeFileSync(join(cwd, "config.yaml"), text);
  return loadConfig({
    env,
    cwd,
    path: "config.yaml",
    providers: { scm: {}, target: {}, platform: platformSchemas },
  });
}

describe("chat.mattermost", () => {
  it.each([
    ["https://releases.example.com", "https://releases.example.com/hooks/mattermost"],
    ["https://releases.example.com/", "https://releases.example.com/hooks/mattermost"],
    ["http://slipway:8080/hooks/mattermost/", "http://slipway:8080/hooks/mattermost"],
    ["https://acme.example.com/slipway", "https://acme.example.com/slipway/hooks/mattermost"],
  ])("takes the callback address %s with or without its path", (given, expected) => {
    expect(MattermostOptions.parse({ ...whole, callback_url: given }).callback_url).toBe(expected);
  });

  it("keeps the path of a server below one, without a slash at its end", () => {
    const { url } = MattermostOptions.parse({ ...whole, url: "https://acme.example.com/chat/" });
    expect(url).toBe("https://acme.example.com/chat");
  });

  it.each([
    [undefined, []],
    ["one", ["one"]],
    [
      ["one", "two"],
      ["one", "two"],
    ],
  ])("takes slash tokens as %j", (given, expected) => {
    const options = MattermostOptions.parse({
      ...whole,
      ...(given === undefined ? {} : { slash_token: given }),
    });
    expect(slashTokensOf(options).map((secret) => secret.reveal())).toEqual(expected);
  });

  it("reads its secrets from the environment and from files, and hides them from logs", () => {
    writeFileSync(join(cwd, "token"), `${token}\n`);
    const config = load(
      `chat:
  announce: ["mattermost:releases"]
  mattermost:
    url: https://chat.example.com
    token_file: token
    callback_url: https://releases.example.com
    slash_token: "\${SLASH}"
`,
      { SLASH: "slashslashslashslashslashs" },
    );

    const [platform] = config.chat.platforms;
    expect(platform).toMatchObject({ id: "mattermost", options: { token: expect.any(Secret) } });
    expect(JSON.stringify(config.chat)).not.toContain(token);
    expect(config.secrets.map((secret) => secret.reveal()).sort()).toEqual([
      token,
      "slashslashslashslashslashs",
    ]);
  });

  it.each([
    ["url: nope\n    token: t\n    callback_url: http://x", "chat.mattermost.url", 3],
    ["url: http://u:p@x\n    token: t\n    callback_url: http://x", "chat.mattermost.url", 3],
    ["url: http://x\n    callback_url: http://x", "chat.mattermost.token", 2],
    ["url: http://x\n    token: t", "chat.mattermost.callback_url", 2],
    [
      "url: http://x\n    token: t\n    callback_url: http://x\n    tokn: t",
      "chat.mattermost.tokn",
      6,
    ],
  ])("says where a mistake is in %j", (keys, path, line) => {
    let problems: readonly unknown[] = [];
    try {
      load(`chat:\n  mattermost:\n    ${keys}\n`);
    } catch (error) {
      problems = error instanceof ConfigInvalid ? error.data.problems : [error];
    }
    expect(problems).toEqual([expect.objectContaining({ path, line })]);
  });
});
