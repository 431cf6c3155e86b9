import type { ReleaseView } from "../../shared/contract/release.ts";
import { joinWords, pluralise } from "../../shared/lib/text.ts";
import { nextStep, releaseSize, staleSentences } from "../cards/release-words.ts";
import { saidCard } from "../cards/said-card.ts";
import type { Answer } from "../chat/command.ts";
import { REASON_OPTION, readReason, readRelease } from "../chat/command-arguments.ts";
import { defineCommand } from "../chat/define-command.ts";
import { escapeMarkdown } from "../chat/markdown.ts";

export const releaseExclude = defineCommand({
  id: "release.exclude",
  phrase: "exclude",
  aliases: ["remove"],
  summary: "Leave services out of a release",
  usage: 'exclude <number> <repository…> [-m "why"]',
  group: "releases",
  permission: "release.edit",
  changes: true,
  examples: [
    "exclude 12 billing-service",
    'exclude 12 billing-service, user-service -m "Not tested yet"',
  ],
  options: REASON_OPTION,
  read: (input) => ({
    release: readRelease(input),
    services: input.names("which repositories"),
    reason: readReason(input) ?? null,
  }),
  async run({ actor, services: { releases } }, { release, services, reason }) {
    return changed(
      "Excluded from",
      services,
      await releases.exclude(actor, release, services, reason),
    );
  },
});

export const releaseInclude = defineCommand({
  id: "release.include",
  phrase: "include",
  summary: "Take excluded services back into a release",
  usage: "include <number> <repository…>",
  group: "releases",
  permission: "release.edit",
  changes: true,
  examples: ["include 12 billing-service"],
  read: (input) => ({ release: readRelease(input), services: input.names("which repositories") }),
  async run({ actor, services: { releases } }, { release, services }) {
    return changed("Included in", services, await releases.include(actor, release, services));
  },
});

function changed(what: string, services: readonly string[], release: ReleaseView): Answer {
  return {
    card: saidCard(
      `${what} release #${release.number}: ${pluralise(services.length, "service")}`,
      "info",
      [
        escapeMarkdown(joinWords(services), 500),
        `The release now has ${escapeMarkdown(releaseSize(release))}.`,
        ...staleSentences(release),
      ],
      nextStep(release),
    ),
  };
}
