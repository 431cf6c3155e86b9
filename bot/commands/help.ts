import { CommandUnknown } from "../../shared/errors/catalog.ts";
import { didYouMean } from "../../shared/lib/text.ts";
import { commandHelpCard, helpCard } from "../cards/help-card.ts";
import type { Command } from "../chat/command.ts";
import { defineCommand } from "../chat/define-command.ts";
import { mayUse } from "../chat/may-use.ts";

/** Makes `help`. It describes the commands of this installation that this person may use, so it is given all of them. */
export function defineHelp(commands: () => readonly Command[]): Command {
  return defineCommand({
    id: "help.show",
    phrase: "help",
    aliases: ["?", "commands", "hello", "hi"],
    summary: "Show what you can do here, or how to use one command",
    usage: "help [command]",
    group: "help",
    permission: "anyone",
    changes: false,
    examples: ["help", "help deploy"],
    read: (input) => ({ phrase: input.text()?.toLowerCase() }),
    async run({ actor, services }, { phrase }) {
      const offered = commands().filter((command) => command.isOffered?.(services) ?? true);
      if (phrase !== undefined) {
        const command = find(offered, phrase);
        const card = commandHelpCard(command, mayUse(actor, command, services));
        return { card, visibility: "only-you" };
      }
      const allowed = offered.filter((command) => mayUse(actor, command, services));
      const { environments, signOffRoles } = services.installation;
      const card = helpCard(allowed, {
        environments: environments.map(({ name }) => name),
        roles: signOffRoles,
        hidden: offered.length - allowed.length,
      });
      return { card, visibility: "only-you" };
    },
  });
}

function find(commands: readonly Command[], phrase: string): Command {
  const found = commands.find((command) => namesOf(command).includes(phrase));
  if (!found) {
    const suggestions = didYouMean(
      phrase,
      commands.map((command) => command.phrase),
    );
    throw new CommandUnknown({
      text: phrase.slice(0, 60),
      suggestions: suggestions.map((suggestion) => `help ${suggestion}`),
    });
  }
  return found;
}

function namesOf(command: Command): readonly string[] {
  return [command.phrase, ...(command.aliases ?? [])];
}
