import { z } from "zod";
import { HttpUrl, SecretText } from "../../../shared/config/values.ts";

/** Where Mattermost sends presses, sent forms and slash commands. */
const CALLBACK_PATH = "/hooks/mattermost";

/** `chat.mattermost` of the configuration. */
export const MattermostOptions = z.strictObject({
  /** Address of the server, with its path where it is served below one. */
  url: HttpUrl.transform(withoutSlash),
  /** Access token of the bot account. */
  token: SecretText,
  /** Our own address as Mattermost reaches it; the path of the callbacks may be left out. */
  callback_url: HttpUrl.transform((url) => {
    const base = withoutSlash(url);
    return base.endsWith(CALLBACK_PATH) ? base : `${base}${CALLBACK_PATH}`;
  }),
  /** What Mattermost shows when the slash command is made. Each team has a command and a token of its own. */
  slash_token: z.union([SecretText, z.array(SecretText).min(1).max(100)]).optional(),
});
export type MattermostOptions = z.infer<typeof MattermostOptions>;

/** Every token that slash commands may come with. */
export function slashTokensOf({ slash_token: tokens }: MattermostOptions) {
  if (tokens === undefined) {
    return [];
  }
  return Array.isArray(tokens) ? tokens : [tokens];
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}
