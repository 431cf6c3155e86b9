import type { Secret } from "../../../shared/config/secret.ts";
import { fine, findings, problem, warning, type Finding } from "../../chat/finding.ts";
import type { SlackAccount, SlackApi } from "./api.ts";
import type { Channels } from "./channels.ts";

/** Without these something does not work at all. What needs each is said when it is missing. */
const NEEDED_SCOPES: Readonly<Record<string, string>> = {
  "app_mentions:read": "mentions do not arrive",
  "channels:read": "channels cannot be found by their names",
  "chat:write": "nothing can be said",
  commands: "the slash command does not arrive",
  "im:history": "direct messages do not arrive",
  "im:write": "nobody can be written to",
  "users:read": "nobody is known, so nobody may do anything",
};

/** Without these something works less well. */
const WANTED_SCOPES: Readonly<Record<string, string>> = {
  "channels:history": "what was said in public channels during an outage is not read again",
  "groups:history": "what was said in private channels during an outage is not read again",
  "groups:read": "private channels cannot be found by their names",
  "im:read": "what was said in direct messages during an outage is not read again",
};

const SCOPES_REMEDY =
  "under OAuth & Permissions > Bot Token Scopes, and install the app to the workspace again.";

/** Looks whether the bot may do what it has to. Never throws; posts nothing. */
export async function testSlack(deps: {
  readonly api: SlackApi;
  readonly channels: Channels;
  readonly account: SlackAccount;
  /** Of `chat.announce`, without the platform. */
  readonly announce: readonly string[];
  readonly appToken: Secret | undefined;
}): Promise<readonly Finding[]> {
  const { api, channels, account } = deps;
  const found = await Promise.all([
    findings(async () => checkAccount(account)),
    findings(async () => checkScopes(account.scopes)),
    findings(checkApp),
    ...deps.announce.map((name) => findings(() => checkChannel(name))),
  ]);
  return found.flat();

  /** Two apps with one token each look as if everything were well, and hear nothing. */
  async function checkApp(): Promise<readonly Finding[]> {
    const socketApp = deps.appToken && appOfToken(deps.appToken);
    if (account.botId === undefined || socketApp === undefined) {
      return [];
    }
    const app = await api.appOf(account.botId);
    return app === undefined || app === socketApp
      ? []
      : [
          problem(
            `The tokens belong to two apps: chat.slack.bot_token to ${app}, chat.slack.app_token to ${socketApp}.`,
            "Take both from the same app: api.slack.com/apps.",
          ),
        ];
  }

  async function checkChannel(name: string): Promise<readonly Finding[]> {
    await channels.find(name);
    return [fine(`Can announce in ${name}.`)];
  }
}

/** App-level tokens name their app. Undocumented: xapp-1-A012ABCDEF-…, as shown on every app's page in 2026. */
function appOfToken(token: Secret): string | undefined {
  return /^xapp-\d+-(A[A-Z0-9]+)-/.exec(token.reveal())?.[1];
}

function checkAccount({ username, botId }: SlackAccount): readonly Finding[] {
  return botId === undefined
    ? [
        problem(
          `The token belongs to @${username}, who is a person.`,
          "Put the Bot User OAuth Token (xoxb-…) into chat.slack.bot_token.",
        ),
      ]
    : [fine(`Signed in as @${username}.`)];
}

function checkScopes(scopes: readonly string[] | undefined): readonly Finding[] {
  if (scopes === undefined) {
    return [];
  }
  const lacking = (wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).filter(([scope]) => !scopes.includes(scope));
  return [
    ...lacking(NEEDED_SCOPES).map(([scope, why]) =>
      problem(`The app lacks the scope ${scope}: ${why}.`, `Add ${scope} ${SCOPES_REMEDY}`),
    ),
    ...lacking(WANTED_SCOPES).map(([scope, why]) =>
      warning(`The app lacks the scope ${scope}: ${why}.`, `Add ${scope} ${SCOPES_REMEDY}`),
    ),
  ];
}
