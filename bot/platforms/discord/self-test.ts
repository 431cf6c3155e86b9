import { findings, fine, problem, warning, type Finding } from "../../chat/finding.ts";
import type { DiscordApi } from "./api.ts";
import { NEEDED_PERMISSIONS, type Channels } from "./channels.ts";
import { isRefused, refusalOf } from "./refusal.ts";
import { SLASH_COMMAND, type SlashCommand } from "./slash.ts";

/** `Application.flags`: may read what is written in channels, as a large and as a small bot. */
const MAY_READ_MESSAGES = (1 << 18) | (1 << 19);

/** Where the bot is let in with everything it needs. */
export function inviteUrl(applicationId: string): string {
  return `https://discord.com/oauth2/authorize?client_id=${applicationId}&scope=bot+applications.commands&permissions=${String(NEEDED_PERMISSIONS)}`;
}

export function mayReadMessages({ flags }: { readonly flags: number }): boolean {
  return (flags & MAY_READ_MESSAGES) !== 0;
}

/** Tries everything the bot has to be able to do. Posts nothing. Never throws. */
export async function testDiscord(deps: {
  readonly api: DiscordApi;
  readonly channels: Channels;
  readonly applicationId: string;
  readonly guildId: string;
  readonly slash: SlashCommand;
  /** Of `chat.announce`, without the platform. */
  readonly announce: readonly string[];
}): Promise<readonly Finding[]> {
  const { api, channels, applicationId } = deps;
  const account = await findings(checkAccount);
  if (account.some(({ state }) => state === "problem")) {
    return account;
  }
  const rest = await Promise.all([
    findings(checkCommand),
    ...deps.announce.map((name) =>
      findings(async () => {
        await channels.find(name);
        return [fine(`Can announce in ${name}.`)];
      }),
    ),
  ]);
  return [...account, ...rest.flat()];

  async function checkAccount(): Promise<readonly Finding[]> {
    const [me, application] = await Promise.all([api.me(), api.application()]);
    if (application.id !== applicationId) {
      return [
        problem(
          `The token belongs to the application ${application.id}, not to ${applicationId}.`,
          "Take token and application_id from the same page of the Developer Portal.",
        ),
      ];
    }
    try {
      await api.guild();
    } catch (error) {
      if (!refusalOf(error)) {
        throw error;
      }
      return [
        problem(
          `The bot is not in the server ${deps.guildId}.`,
          `Check chat.discord.guild_id, and invite the bot: ${inviteUrl(applicationId)}`,
        ),
      ];
    }
    return [
      fine(`Signed in as ${me.username}.`),
      mayReadMessages(application)
        ? fine("May read messages that do not name it.")
        : fine("Hears /slipway, mentions and direct messages, which is all it needs."),
    ];
  }

  async function checkCommand(): Promise<readonly Finding[]> {
    try {
      await api.register(deps.slash.definition);
      return [fine(`The command /${SLASH_COMMAND} is there.`)];
    } catch (error) {
      if (!isRefused(error, "missingAccess")) {
        throw error;
      }
      return [
        warning(
          `Discord does not let the bot make the command /${SLASH_COMMAND}.`,
          `Invite it once more, with the scope applications.commands: ${inviteUrl(applicationId)}`,
        ),
      ];
    }
  }
}
