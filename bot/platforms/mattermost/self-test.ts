import { randomToken } from "../../../shared/lib/ids.ts";
import { findings, fine, problem, warning, type Finding } from "../../chat/finding.ts";
import type { MattermostApi } from "./api.ts";
import type { Callbacks } from "./callbacks.ts";
import type { Channels } from "./channels.ts";
import { refusalOf } from "./refusal.ts";
import type { MattermostContent } from "./render.ts";

/** Letters only, like every id of a button. */
const PROBE_ACTION = "slipwayprobe";

export interface SelfTest {
  /** Tries everything the bot has to be able to do, for real, in a conversation with itself. Never throws. */
  run(): Promise<readonly Finding[]>;
}

/** The server is asked for real, because no setting that can be read tells whether it will work. */
export function createSelfTest(deps: {
  readonly api: MattermostApi;
  readonly channels: Channels;
  readonly callbacks: Callbacks;
  readonly callbackUrl: string;
  readonly hasSlashToken: boolean;
  /** Of `chat.announce`, without the platform. */
  readonly announce: readonly string[];
}): SelfTest {
  const { api, channels, callbacks, callbackUrl } = deps;

  return {
    async run() {
      const account = await findings(checkAccount);
      if (account.some(({ state }) => state === "problem")) {
        return account;
      }
      const rest = await Promise.all([
        findings(checkSettings),
        findings(checkPosts),
        ...deps.announce.map((name) => findings(() => checkChannel(name))),
      ]);
      return [...account, ...rest.flat()];
    },
  };

  async function checkAccount(): Promise<readonly Finding[]> {
    const me = await api.me();
    if (me.delete_at !== 0) {
      return [
        problem(
          `The account @${me.username} is disabled.`,
          "Enable it under Integrations > Bot Accounts.",
        ),
      ];
    }
    return me.is_bot
      ? [fine(`Signed in as @${me.username}.`)]
      : [
          warning(
            `The token belongs to @${me.username}, who is a person.`,
            "Make a bot account under Integrations > Bot Accounts (ServiceSettings.EnableBotAccountCreation) and put its token into chat.mattermost.token.",
          ),
        ];
  }

  async function checkSettings(): Promise<readonly Finding[]> {
    const settings = await api.settings();
    const found: Finding[] = [];
    const limit = Number(settings["PostEditTimeLimit"] ?? -1);
    if (limit >= 0) {
      found.push(
        fine(
          `Editing messages is limited to ${String(limit)} seconds (ServiceSettings.PostEditTimeLimit). Cards are not concerned: what changes on them is no message text.`,
        ),
      );
    }
    if (deps.hasSlashToken && settings["EnableCommands"] === "false") {
      found.push(
        warning(
          "Slash commands are switched off on the server.",
          "Set ServiceSettings.EnableCommands to true: System Console > Integrations > Integration Management > Enable Custom Slash Commands.",
        ),
      );
    }
    return found;
  }

  async function checkChannel(name: string): Promise<readonly Finding[]> {
    await channels.find(name);
    return [fine(`Can announce in ${name}.`)];
  }

  /** Posts, edits, presses and deletes a message that only the bot itself sees. */
  async function checkPosts(): Promise<readonly Finding[]> {
    const { id: me } = await api.me();
    const { id: channelId } = await api.directChannel(me, me);
    const nonce = randomToken(22);
    const made = await api.createPost({
      ...probe("Trying whether buttons work."),
      channelId,
      rootId: "",
      pendingId: `${me}:${nonce}`,
    });
    try {
      return [...(await checkEdit(made.id)), ...(await checkPress(made.id))];
    } finally {
      await api.deletePost(made.id).catch(() => {
        // It stays where nobody but the bot looks.
      });
    }

    function probe(title: string): MattermostContent {
      const action = {
        id: PROBE_ACTION,
        type: "button" as const,
        name: "Try",
        style: "default" as const,
        integration: { url: callbackUrl, context: { ...callbacks.probeContext(nonce) } },
      };
      return {
        message: "",
        props: { attachments: [{ fallback: title, color: "#8D93A5", title, actions: [action] }] },
      };
    }

    async function checkEdit(id: string): Promise<readonly Finding[]> {
      try {
        await api.replacePost(id, () => probe("Trying whether edited buttons work."));
        return [fine("Can post and edit.")];
      } catch (error) {
        if (!refusalOf(error)) {
          throw error;
        }
        return [
          problem(
            "The bot may not edit its own messages, so cards would never change.",
            'Allow "Edit Own Posts" (edit_post) to members: System Console > User Management > Permissions. Look at ServiceSettings.PostEditTimeLimit too.',
          ),
        ];
      }
    }
  }

  async function checkPress(postId: string): Promise<readonly Finding[]> {
    try {
      await api.pressButton(postId, PROBE_ACTION);
      return [fine(`Mattermost reaches ${callbackUrl}.`)];
    } catch (error) {
      const refusal = refusalOf(error);
      if (!refusal) {
        throw error;
      }
      return [
        problem(
          `Mattermost cannot reach ${callbackUrl}: buttons and forms do nothing.`,
          whyUnreachable(callbackUrl),
        ),
      ];
    }
  }
}

function whyUnreachable(callbackUrl: string): string {
  const { hostname } = new URL(callbackUrl);
  const host = hostname.replace(/^\[|\]$/g, "");
  const setting = `add "${host}" to ServiceSettings.AllowedUntrustedInternalConnections (System Console > Environment > Developer > Allow untrusted internal connections)`;
  return isInternal(host)
    ? `${capitalised(setting)}: Mattermost refuses to call internal addresses that are not listed there. Then check that chat.mattermost.callback_url is right as seen from the Mattermost server.`
    : `Check that chat.mattermost.callback_url is right as seen from the Mattermost server, that its certificate is trusted there, and that Slipway is running. If it is an internal address, ${setting}.`;
}

/** Addresses that Mattermost calls only when told to: utils `IsReservedIP`, and names that cannot be public ones. */
function isInternal(host: string): boolean {
  return (
    host === "localhost" ||
    !/[.:]/.test(host) ||
    /\.(?:local|lan|internal|localdomain|home|corp|svc)$/.test(host) ||
    /^(?:10|127)\.|^192\.168\.|^169\.254\.|^172\.(?:1[6-9]|2\d|3[01])\.|^100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|^0\./.test(
      host,
    ) ||
    /^(?:::1?$|f[cd]|fe[89ab])/i.test(host)
  );
}

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
