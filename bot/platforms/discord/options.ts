import { z } from "zod";
import { HttpUrl, SecretText } from "../../../shared/config/values.ts";

/**
 * An id of Discord. It has more digits than a number can hold exactly, so without quotes it would silently become the id of
 * something else.
 */
const Snowflake = z
  .string({ error: "must be in quotes: a number that long loses its last digits" })
  .refine((text) => /^\d{15,20}$/.test(text), {
    error: "is not an id of Discord",
    params: {
      fix: "Switch on User Settings > Advanced > Developer Mode, then right-click and choose Copy ID.",
    },
  });

/** `chat.discord` of the configuration. */
export const DiscordOptions = z.strictObject({
  /** Token of the bot: Developer Portal > Bot > Reset Token. */
  token: SecretText,
  /** Developer Portal > General Information > Application ID. */
  application_id: Snowflake,
  /** The server people release in. Events of any other one are refused. */
  guild_id: Snowflake,
  /** Another address of the API, without its version. */
  api_url: HttpUrl.transform((url) => url.replace(/\/+$/, "")).default("https://discord.com/api"),
});
export type DiscordOptions = z.infer<typeof DiscordOptions>;
