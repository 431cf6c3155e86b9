import { EXIT, type CliCommand } from "./command.ts";
import { CONFIG_OPTION, MISUSED } from "./program.ts";

/** The reference page of the command-line, as shared/docs/command-line.md holds it. */
export function writeReference(commands: readonly CliCommand[]): string {
  return [
    "# The command-line",
    "",
    "<!-- Written by `npm run command-line` from bot/cli/commands; a test compares. -->",
    "",
    "`slipway` is the product's only program: `npm run --silent slipway -- <command>` in a checkout, `slipway <command>` in the",
    "container. It works on the data and the configuration the server uses, beside the server unless a command says otherwise.",
    "",
    `Every command takes \`${CONFIG_OPTION.flags}\` (${CONFIG_OPTION.summary}) and \`--help\`.`,
    "Answers go to standard output, everything beside them to standard error. Colours are for terminals only; `NO_COLOR` turns",
    "them off. Where there is `--json`, the answer is one JSON document.",
    "",
    ...table(
      ["Exit code", "Means"],
      [
        [String(EXIT.ok), "All is well."],
        [String(EXIT.problem), "A problem was found; it is printed, with what to do."],
        [String(EXIT.misused), MISUSED],
      ],
    ),
    "",
    ...table(
      ["Command", "Does"],
      commands.map(({ name, summary }) => [`[\`${name}\`](#${anchorOf(name)})`, summary]),
    ),
    ...commands.flatMap(section),
    "",
  ].join("\n");
}

function section(command: CliCommand): readonly string[] {
  const { name, description, exitCodes } = command;
  const forms = (command.arguments ?? []).map(({ form }) => ` ${form}`).join("");
  const options = command.options ?? [];
  const parts = [
    ...(command.arguments ?? []).map(({ form, summary }) => [`\`${form}\``, summary]),
    ...options.map(({ flags, summary }) => [`\`${flags}\``, summary]),
  ];
  return [
    "",
    `## slipway ${name}`,
    "",
    "```sh",
    `slipway ${name}${forms}${options.length > 0 ? " [options]" : ""}`,
    "```",
    "",
    description,
    "",
    ...(parts.length > 0 ? [...table(["Takes", "Which is"], parts), ""] : []),
    "```sh",
    ...command.examples.flatMap(({ line, does }) => [`# ${does}`, line]),
    "```",
    "",
    `Exit code 0: ${exitCodes.ok}${exitCodes.problem === undefined ? "" : ` 1: ${exitCodes.problem}`}`,
  ];
}

/** As GitHub makes them from headings. */
function anchorOf(name: string): string {
  return `slipway-${name.replaceAll(" ", "-")}`;
}

/** A table as Prettier leaves it. */
function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const cells = [headings, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = headings.map((_, column) =>
    Math.max(3, ...cells.map((row) => (row[column] ?? "").length)),
  );
  const draw = (row: readonly string[], fill: string) =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width, fill)).join(" | ")} |`;
  const [head = [], ...body] = cells;
  return [
    draw(head, " "),
    draw(
      headings.map(() => ""),
      "-",
    ),
    ...body.map((row) => draw(row, " ")),
  ];
}
