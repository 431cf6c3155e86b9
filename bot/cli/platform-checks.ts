import type { Services } from "../../shared/app/services.ts";
import type { Config } from "../../shared/config/config.ts";
import { systemActor } from "../../shared/core/actor.ts";
import { CommandLineInvalid } from "../../shared/errors/catalog.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { didYouMean } from "../../shared/lib/text.ts";
import { fine } from "../chat/finding.ts";
import { platforms, type PlatformEntry } from "../platforms/index.ts";
import type { Check } from "./findings.ts";

/** One check for each configured platform. Throws CommandLineInvalid when `only` is none of them. */
export function platformChecks(
  config: Config,
  deps: {
    readonly services: Services;
    readonly logger: Logger;
    readonly clock: { now(): Date };
    readonly only: string | undefined;
    readonly entries?: readonly PlatformEntry[];
  },
): readonly Check[] {
  const { only, entries = platforms, services, logger, clock } = deps;
  const configured = entries.filter(({ id }) =>
    id === "room"
      ? config.chat.room.enabled
      : config.chat.platforms.some((platform) => platform.id === id),
  );
  if (only !== undefined && !configured.some(({ id }) => id === only)) {
    const known = configured.map(({ id }) => id);
    const [near] = didYouMean(only, known);
    throw new CommandLineInvalid(
      { why: `There is no configured chat platform "${only.slice(0, 60)}".` },
      {
        remedy:
          near === undefined
            ? `Configured: ${known.join(", ") || "none"}.`
            : `Did you mean ${near}?`,
      },
    );
  }
  return configured
    .filter(({ id }) => only === undefined || id === only)
    .map((entry) => ({
      name: entry.id,
      async try(signal) {
        if (!entry.check) {
          return [fine("It is configured; it has nothing that could be tried.")];
        }
        const options = config.chat.platforms.find(({ id }) => id === entry.id)?.options ?? {};
        return entry.check(options, {
          services,
          systemActor,
          logger,
          clock,
          announce: config.chat.announce
            .filter(({ platform }) => platform === entry.id)
            .map(({ channel }) => channel),
          serverUrl: serverUrl(config),
          signal,
        });
      },
    }));
}

/** Where the server listens, as this machine reaches it. */
function serverUrl({ server: { host, port } }: Config): string | null {
  if (port === 0) {
    return null;
  }
  const reachable = { "0.0.0.0": "127.0.0.1", "::": "[::1]" }[host] ?? host;
  const address =
    reachable.includes(":") && !reachable.startsWith("[") ? `[${reachable}]` : reachable;
  return `http://${address}:${String(port)}`;
}
