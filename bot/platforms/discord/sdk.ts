import { createRequire } from "node:module";
import type * as Gateway from "@discordjs/ws";
import type * as Discord from "discord.js";

const load = createRequire(import.meta.url);

/**
 * The vendor's library, loaded when it is first needed: it takes 45 MB and its time, which nobody shall pay who does not use
 * Discord.
 */
export function loadDiscord(): typeof Discord {
  return load("discord.js") as typeof Discord;
}

/** The gateway below it, without what keeps a copy of whole servers in memory. It has no public name in the library itself. */
export function loadGateway(): typeof Gateway {
  return load("@discordjs/ws") as typeof Gateway;
}
