import { orderCard } from "../cards/order-card.ts";
import type { CommandInput } from "../chat/command-input.ts";
import { readRelease } from "../chat/command-arguments.ts";
import { defineCommand } from "../chat/define-command.ts";

export const releaseDepend = defineCommand({
  id: "release.depend",
  phrase: "depends",
  aliases: ["depend"],
  summary: "Say what one service of a release needs to be deployed before it",
  usage: "depends <number> <repository> on <repository>[, …] | nothing",
  group: "releases",
  permission: "release.edit",
  changes: true,
  examples: [
    "depends 12 api-gateway on auth-service, user-service",
    "depends 12 api-gateway on nothing",
  ],
  read: (input) => ({
    release: readRelease(input),
    service: input.word("which repository depends on others"),
    on: readDependencies(input),
  }),
  async run({ actor, services }, { release, service, on }) {
    return {
      card: orderCard(await services.releases.setDependencies(actor, release, service, on)),
    };
  },
});

export const releaseOrder = defineCommand({
  id: "release.order",
  phrase: "order",
  summary: "Show in which order a release goes out",
  usage: "order <number>",
  group: "releases",
  permission: "release.read",
  changes: false,
  examples: ["order 12"],
  read: (input) => ({ release: readRelease(input) }),
  async run({ actor, services }, { release }) {
    return { card: orderCard(await services.releases.view(actor, release)) };
  },
});

/** `on a, b and c`, or `on nothing`. */
function readDependencies(input: CommandInput): readonly string[] {
  if (!input.takes("on")) {
    input.fail("Say on what it depends, for example `on auth-service`.");
  }
  if (input.takes("nothing", "none")) {
    return [];
  }
  return input.names("on which repositories").filter((name) => name !== "and");
}
