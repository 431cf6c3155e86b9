import { z } from "zod";
import type { Secret } from "../../../shared/config/secret.ts";
import { HttpUrl, SecretText } from "../../../shared/config/values.ts";

const SLACK_API = "https://slack.com/api/";

/** `chat.slack` of the configuration. */
export const SlackOptions = z
  .strictObject({
    /** Bot User OAuth Token. */
    bot_token: SecretText.refine(...notA("xapp-", "the bot token (xoxb-…), not the app-level one")),
    /** App-level token, for Socket Mode. */
    app_token: SecretText.refine(
      ...notA("xoxb-", "the app-level token (xapp-…), not the bot token"),
    ).optional(),
    /** Proves requests that Slack sends by HTTP. Without it none are taken. */
    signing_secret: SecretText.optional(),
    /** Where Slack's Web API is. */
    api_url: HttpUrl.transform(toApiUrl).default(SLACK_API),
  })
  .refine(
    ({ app_token: app, signing_secret: secret }) => app !== undefined || secret !== undefined,
    {
      error: "needs app_token (Socket Mode), or signing_secret (HTTP)",
    },
  );
export type SlackOptions = z.infer<typeof SlackOptions>;

/** The two tokens are easily mistaken for each other, and Slack only says that they are invalid. */
function notA(prefix: string, wanted: string) {
  return [
    (secret: Secret) => !secret.reveal().startsWith(prefix),
    { error: `wants ${wanted}` },
  ] as const;
}

/** The address of a server means its API. */
function toApiUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  const path = pathname.replace(/\/+$/, "");
  return `${origin}${path === "" ? "/api" : path}/`;
}
