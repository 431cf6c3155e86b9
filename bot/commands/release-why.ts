import { whoCard } from "../cards/who-card.ts";
import { whyCard } from "../cards/why-card.ts";
import { readRelease } from "../chat/command-arguments.ts";
import { defineCommand } from "../chat/define-command.ts";

export const releaseWhy = defineCommand({
  id: "release.explain",
  phrase: "why",
  summary: "Say what stands in the way of a deploy, and what would help",
  usage: "why <number>",
  group: "sign-off",
  permission: "release.read",
  changes: false,
  examples: ["why 12"],
  read: (input) => ({ release: readRelease(input) }),
  async run({ actor, services }, { release }) {
    return { card: whyCard(await services.releases.view(actor, release)) };
  },
});

export const releaseWho = defineCommand({
  id: "release.signers",
  phrase: "who",
  summary: "Say which sign-offs are missing and who can give them",
  usage: "who <number>",
  group: "sign-off",
  permission: "release.read",
  changes: false,
  examples: ["who 12"],
  read: (input) => ({ release: readRelease(input) }),
  async run({ actor, services }, { release }) {
    return { card: whoCard(await services.releases.view(actor, release)) };
  },
});
