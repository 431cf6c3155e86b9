import { describe, expect, it } from "vitest";
import {
  IncomingUser,
  compareTs,
  isSameHome,
  readCommand,
  readHttpBody,
  readIncoming,
  toDate,
  toPlainText,
  toRef,
  toUser,
  type IncomingMessage,
} from "./inbound.ts";

const me = { id: "U0BOT", username: "slipway" };
const authorizations = [{ team_id: "T1", enterprise_id: null }];

function event(inner: object, envelope: object = {}): object {
  return { type: "event_callback", team_id: "T1", authorizations, event: inner, ...envelope };
}

const mention = {
  type: "app_mention",
  channel: "C1",
  user: "U1",
  text: "<@U0BOT> help",
  ts: "1.1",
};

describe(readIncoming.name, () => {
  it("reads a mention", () => {
    expect(readIncoming(event(mention))).toEqual({
      type: "message",
      message: { ts: "1.1", user: "U1", text: "<@U0BOT> help", hidden: false },
      channelId: "C1",
      direct: false,
      home: { teamId: "T1", enterpriseId: undefined },
    });
  });

  it("knows a conversation between two", () => {
    const said = { ...mention, type: "message", channel: "D1", channel_type: "im" };
    expect(readIncoming(event(said))).toMatchObject({ type: "message", direct: true });
  });

  it("belongs to whoever authorized it, not to the workspace of whoever spoke", () => {
    const shared = event(mention, { team_id: "T9", enterprise_id: "E9" });
    expect(readIncoming(shared)).toMatchObject({ home: { teamId: "T1" } });
    const old = { type: "event_callback", team_id: "T1", enterprise_id: "E1", event: mention };
    expect(readIncoming(old)).toMatchObject({ home: { teamId: "T1", enterpriseId: "E1" } });
  });

  const press = {
    type: "block_actions",
    user: { id: "U1", team_id: "T1" },
    team: { id: "T1", domain: "acme" },
    enterprise: null,
    trigger_id: "t",
    response_url: "https://hooks.slack.com/actions/1",
    container: { type: "message", message_ts: "2.2", channel_id: "C1", is_ephemeral: false },
    message: { ts: "2.2", thread_ts: "1.1" },
    actions: [
      { type: "button", action_id: "do:1", value: "token", action_ts: "1764072000.500000" },
    ],
  };

  it("reads a press", () => {
    expect(readIncoming(press)).toEqual({
      type: "press",
      userId: "U1",
      token: "token",
      opensForm: false,
      message: { platform: "slack", channelId: "C1", threadId: "1.1", messageId: "2.2" },
      isEphemeral: false,
      triggerId: "t",
      responseUrl: "https://hooks.slack.com/actions/1",
      pressedAt: new Date("2025-11-25T12:00:00.500Z"),
      home: { teamId: "T1", enterpriseId: undefined },
    });
  });

  it.each([
    [
      "a form that opens",
      { actions: [{ ...press.actions[0], action_id: "form:2" }] },
      { opensForm: true },
    ],
    [
      "an app that is installed to an organisation",
      { team: null, enterprise: { id: "E1" } },
      { home: { enterpriseId: "E1" } },
    ],
    [
      "a message that only one person sees",
      { container: { ...press.container, is_ephemeral: true }, message: undefined },
      { isEphemeral: true, message: { messageId: "2.2" } },
    ],
  ])("reads a press of %s", (_what, change, expected) => {
    expect(readIncoming({ ...press, ...change })).toMatchObject({ type: "press", ...expected });
  });

  it("reads the answers of a form", () => {
    const sent = {
      type: "view_submission",
      user: { id: "U1" },
      team: { id: "T1", enterprise_id: "E1" },
      view: {
        id: "V1",
        private_metadata: "{}",
        state: {
          values: {
            reason: { reason: { type: "plain_text_input", value: "broken" } },
            empty: { empty: { type: "plain_text_input", value: null } },
            then: { then: { type: "static_select", selected_option: { value: "leave" } } },
            none: { none: { type: "static_select", selected_option: null } },
            sure: { sure: { type: "checkboxes", selected_options: [{ value: "true" }] } },
            not: { not: { type: "checkboxes", selected_options: [] } },
          },
        },
      },
    };
    expect(readIncoming(sent)).toEqual({
      type: "form",
      userId: "U1",
      viewId: "V1",
      triggerId: undefined,
      metadata: "{}",
      values: { reason: "broken", empty: "", then: "leave", none: "", sure: "true", not: "" },
      firstField: "reason",
      home: { teamId: "T1", enterpriseId: "E1" },
    });
  });

  it("reads a slash command", () => {
    const command = {
      command: "/slipway",
      text: "notes 12 &lt;b&gt; &amp; <https://a.example|a.example>",
      user_id: "U1",
      channel_id: "C1",
      team_id: "T1",
      response_url: "https://hooks.slack.com/commands/1",
      trigger_id: "t",
    };
    expect(readIncoming(command)).toMatchObject({
      type: "slash",
      text: "notes 12 <b> & a.example",
      home: { teamId: "T1" },
    });
  });

  it.each<[string, unknown, object | undefined]>([
    [
      "a check of the address",
      { type: "url_verification", challenge: "c" },
      { type: "challenge", challenge: "c" },
    ],
    ["a check of the certificate", { ssl_check: "1" }, { type: "nothing" }],
    [
      "a link that was opened",
      { ...press, actions: [{ type: "button", action_id: "link:3" }] },
      { type: "nothing" },
    ],
    ["a press in a window", { ...press, container: { type: "view" } }, { type: "nothing" }],
    ["a window that was closed", { type: "view_closed" }, { type: "nothing" }],
    [
      "somebody whose profile changed",
      event({ type: "user_change", user: { id: "U1" } }),
      { type: "user-changed", userId: "U1" },
    ],
    [
      "a channel with another name",
      event({ type: "channel_rename" }),
      { type: "channels-changed" },
    ],
    ["an event that is not ours to know", event({ type: "team_join" }), { type: "nothing" }],
    ["a message that is none", event({ type: "message", channel: "C1" }), { type: "nothing" }],
    ["nothing", undefined, undefined],
    ["a text", "approve 12", undefined],
    ["an empty thing", {}, undefined],
    ["half a command", { command: "/slipway" }, undefined],
  ])("reads %s", (_what, body, expected) => {
    expect(readIncoming(body)).toEqual(expected);
  });
});

describe(readHttpBody.name, () => {
  it.each([
    ["application/json", '{"type":"event_callback"}', { type: "event_callback" }],
    ["application/json", "{", undefined],
    [
      "application/x-www-form-urlencoded",
      `payload=${encodeURIComponent('{"type":"block_actions"}')}`,
      { type: "block_actions" },
    ],
    [
      "application/x-www-form-urlencoded; charset=utf-8",
      "command=%2Fslipway&text=help+me",
      { command: "/slipway", text: "help me" },
    ],
    [undefined, "", undefined],
  ])("reads %s", (type, body, expected) => {
    expect(readHttpBody(type, body)).toEqual(expected);
  });
});

describe(readCommand.name, () => {
  function said(change: Partial<IncomingMessage>): IncomingMessage {
    return { ts: "1.1", user: "U1", text: "<@U0BOT> help", hidden: false, ...change };
  }

  it.each([
    ["a mention", "<@U0BOT> approve 12 as dev", "approve 12 as dev"],
    ["a mention with a name", "<@U0BOT|slipway>: help", "help"],
    ["a mention and nothing else", "<@U0BOT>", ""],
    ["invisible characters around it", "\u200B<@U0BOT>\u200B help", "help"],
    ["a code block", "<@U0BOT> ```approve 12```", "```approve 12```"],
    ["4,000 characters", `<@U0BOT> notes 12 ${"x".repeat(4_000)}`, `notes 12 ${"x".repeat(4_000)}`],
    ["an escaped character", "<@U0BOT> notes 12 a &lt; b", "notes 12 a < b"],
    [
      "a service that looks like an address",
      "<@U0BOT> deploy <http://api.example|api.example>",
      "deploy api.example",
    ],
  ])("takes %s", (_what, text, expected) => {
    expect(readCommand(said({ text }), { me, direct: false })).toBe(expected);
  });

  it.each([
    ["somebody else's name", "<@U0BOT2> help"],
    ["a mention in the middle", "ask <@U0BOT> for help"],
    ["chatter", "approve 12 as dev"],
  ])("leaves %s alone", (_what, text) => {
    expect(readCommand(said({ text }), { me, direct: false })).toBeUndefined();
  });

  it("takes everything in a conversation", () => {
    expect(readCommand(said({ text: "help" }), { me, direct: true })).toBe("help");
  });

  it.each<[string, Partial<IncomingMessage>]>([
    ["itself", { user: "U0BOT" }],
    ["Slack's own account", { user: "USLACKBOT" }],
    ["an app", { bot_id: "B1" }],
    ["nobody", { user: undefined }],
    ["what was changed", { subtype: "message_changed" }],
    ["who joined", { subtype: "channel_join" }],
    ["what is hidden", { hidden: true }],
  ])("hears nothing of %s", (_what, change) => {
    expect(readCommand(said(change), { me, direct: true })).toBeUndefined();
  });

  it("hears what is said in a thread and to the channel too", () => {
    const message = said({ subtype: "thread_broadcast", thread_ts: "0.9" });
    expect(readCommand(message, { me, direct: false })).toBe("help");
  });
});

describe(toPlainText.name, () => {
  it.each([
    ["<@U1> and <@U1|dana>", "@U1 and @dana"],
    ["<#C1|general> <#C2>", "#general #C2"],
    ["<!here> <!subteam^S1|@team>", "@here @team"],
    ["<https://a.example/x?y=1&amp;z=2>", "https://a.example/x?y=1&z=2"],
    ["<mailto:a@b.example|a@b.example>", "a@b.example"],
    ["&amp;lt;", "&lt;"],
    ["2 &gt; 1", "2 > 1"],
  ])("reads %s as %s", (given, expected) => {
    expect(toPlainText(given)).toBe(expected);
  });
});

describe(toUser.name, () => {
  const user = IncomingUser.parse({ id: "U1", team_id: "T1", name: "dana", real_name: "Dana" });
  const inOrg = { id: "W1", enterprise_id: "E1" };

  it.each([
    ["of the workspace", user, { teamId: "T1" }, { workspace: "T1", userId: "U1", kind: "person" }],
    [
      "of the organisation",
      { ...user, enterprise_user: inOrg },
      { teamId: "T1", enterpriseId: "E1" },
      { workspace: "E1", userId: "W1", kind: "person" },
    ],
    [
      "of another workspace of the organisation",
      { ...user, team_id: "T2", enterprise_user: inOrg },
      { teamId: "T1", enterpriseId: "E1" },
      { workspace: "E1", userId: "W1", kind: "person" },
    ],
    [
      "of another organisation",
      { ...user, team_id: "T9", enterprise_user: { id: "W1", enterprise_id: "E9" } },
      { teamId: "T1", enterpriseId: "E1" },
      { workspace: "E9", userId: "W1", kind: "guest" },
    ],
    [
      "of another workspace",
      { ...user, team_id: "T9" },
      { teamId: "T1" },
      { workspace: "T9", kind: "guest" },
    ],
    ["who is a guest", { ...user, is_restricted: true }, { teamId: "T1" }, { kind: "guest" }],
    [
      "who is a guest of one channel",
      { ...user, is_ultra_restricted: true },
      { teamId: "T1" },
      { kind: "guest" },
    ],
    ["who is a stranger", { ...user, is_stranger: true }, { teamId: "T1" }, { kind: "guest" }],
    ["that is an app", { ...user, is_bot: true }, { teamId: "T1" }, { kind: "bot" }],
    ["that is a workflow", { ...user, is_workflow_bot: true }, { teamId: "T1" }, { kind: "bot" }],
  ])("knows somebody %s", (_who, given, ours, expected) => {
    expect(toUser(given, ours)).toMatchObject(expected);
  });
});

describe("times and places of Slack", () => {
  it("compares times that fit into no number", () => {
    expect(compareTs("1764072000.000001", "1764072000.000002")).toBe(-1);
    expect(compareTs("999999999.5", "1000000000.000001")).toBe(-1);
    expect(compareTs("1.1", "1.100000")).toBe(0);
  });

  it("reads the time of a message", () => {
    expect(toDate("1764072000.123456")).toEqual(new Date("2025-11-25T12:00:00.123Z"));
  });

  it("finds the first message of a thread in the channel", () => {
    expect(toRef("C1", "1.1", "1.1").threadId).toBeUndefined();
    expect(toRef("C1", "1.2", "1.1").threadId).toBe("1.1");
  });

  it.each([
    [{ teamId: "T1" }, { teamId: "T1" }, true],
    [{ teamId: "T1" }, { teamId: "T2" }, false],
    [{ teamId: "T1", enterpriseId: "E1" }, { teamId: "T2", enterpriseId: "E1" }, true],
    [{}, {}, false],
  ])("tells whether %j and %j are one home", (a, b, expected) => {
    expect(isSameHome(a, b)).toBe(expected);
  });
});
