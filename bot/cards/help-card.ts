import { joinWords } from "../../shared/lib/text.ts";
import type { Card } from "../chat/card.ts";
import { card, fields, note, text } from "../chat/card-builders.ts";
import type { Command } from "../chat/command.ts";
import { code, sentence } from "../chat/markdown.ts";

const GROUPS: readonly (readonly [Command["group"], string])[] = [
  ["releases", "Releases"],
  ["sign-off", "Sign-off"],
  ["deploys", "Deploys"],
  ["environments", "Environments"],
  ["history", "History"],
  ["help", "Help"],
];

/** What this person can do here, by group. `hidden` counts what needs a role they do not hold. */
export function helpCard(
  commands: readonly Command[],
  facts: {
    readonly environments: readonly string[];
    readonly roles: readonly string[];
    readonly hidden: number;
  },
): Card {
  return card(
    "What you can say",
    "info",
    text(
      "In a channel start with `@slipway`, in a direct message just say it. Every button has a command that does the same.",
    ),
    ...GROUPS.map(([group, title]) =>
      groupText(
        title,
        commands.filter((each) => each.group === group),
      ),
    ),
    fields([
      ["Environments", facts.environments.join(", ") || "none configured"],
      ["Sign-off roles", facts.roles.join(", ") || "none"],
    ]),
    facts.hidden > 0 &&
      text(
        facts.hidden === 1
          ? "One more command needs a role you do not hold."
          : `${facts.hidden} more commands need a role you do not hold.`,
      ),
    note(`Next: \`help <command>\` shows how to use one, for example ${code(example(commands))}.`),
  );
}

/** Something this person can do. */
function example(commands: readonly Command[]): string {
  const phrases = commands.map(({ phrase }) => phrase);
  return `help ${["deploy", "approve"].find((each) => phrases.includes(each)) ?? phrases[0] ?? ""}`.trimEnd();
}

/** How to use one command, with examples. `isAllowed` says whether this person may. */
export function commandHelpCard(command: Command, isAllowed: boolean): Card {
  const aliases = command.aliases ?? [];
  return card(
    `Help: ${command.phrase}`,
    "info",
    text(`${sentence(command.summary)}.`),
    text(`Usage: ${code(command.usage, 400)}`),
    text("**Examples**", ...command.examples.map((example) => `• ${code(example, 300)}`)),
    aliases.length > 0 &&
      text(
        `You can also say ${joinWords(
          aliases.map((alias) => code(alias)),
          "or",
        )}.`,
      ),
    !isAllowed && note("You do not hold a role that may do this. `whoami` shows your roles."),
  );
}

function groupText(title: string, commands: readonly Command[]) {
  return commands.length === 0
    ? undefined
    : text(
        `**${title}**`,
        ...commands.map(({ usage, summary }) => `• ${code(usage, 400)}: ${sentence(summary)}`),
      );
}
