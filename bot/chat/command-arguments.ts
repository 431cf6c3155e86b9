import { parseDuration } from "../../shared/lib/time.ts";
import type { CommandInput, OptionSpec } from "./command-input.ts";

/** Arguments that many commands share, so that they are read and explained the same way everywhere. */

/** `-m "…"`, spelled `--message` or `--reason` by some. */
export const REASON_OPTION: Readonly<Record<"m", OptionSpec>> = {
  m: { kind: "text", aliases: ["message", "reason"] },
};

/** The number of a release, e.g. `12` or `#12`. */
export function readRelease(input: CommandInput): number {
  return input.number("which release, by its number");
}

/** The number of a deployment. */
export function readDeployment(input: CommandInput): number {
  return input.number("which deployment, by its number");
}

export function readEnvironment(input: CommandInput): string {
  return input.word("which environment");
}

/** The reason somebody gave with `-m`; undefined when there is none, also when they copied the `…` of a card. */
export function readReason(input: CommandInput): string | undefined {
  return toReason(input.option("m"));
}

/** The reason as `-m "…"` or simply as the rest of the words. */
export function readReasonOrRest(input: CommandInput): string | undefined {
  const rest = input.text();
  return readReason(input) ?? toReason(rest);
}

/** `2h` in milliseconds; undefined when not given. */
export function readDuration(input: CommandInput, text: string | undefined): number | undefined {
  if (text === undefined || text.trim() === "") {
    return undefined;
  }
  const ms = parseDuration(text);
  return ms === undefined || ms <= 0
    ? input.fail(`"${text}" is not a duration. Write for example 30m, 2h or 1d.`)
    : ms;
}

function toReason(text: string | undefined): string | undefined {
  const reason = text?.trim();
  return reason === undefined || /^(?:…|\.{3})?$/.test(reason) ? undefined : reason;
}
