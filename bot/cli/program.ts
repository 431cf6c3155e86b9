import { Command, type Help, type HelpConfiguration } from "commander";
import { EXIT, type CliCommand, type ExitCode } from "./command.ts";
import { commands } from "./commands/index.ts";

/** Groups of commands that share their first word. */
export const groups: Readonly<Record<string, string>> = {
  config: "work with the configuration",
  token: "work with API tokens",
  audit: "work with the audit log",
  chat: "work with chat platforms",
  work: "work with background work that gave up",
};

export const DESCRIPTION =
  "Nothing reaches production unless the right people signed exactly that.";
export const CONFIG_OPTION = {
  flags: "-c, --config <file>",
  summary: "configuration file; SLIPWAY_CONFIG or ./config.yaml otherwise",
} as const;
export const MISUSED = "It was used wrongly: an unknown command or option, or something missing.";
const COLUMNS = 100;

export type Perform = (
  command: CliCommand,
  input: Readonly<Record<string, unknown>>,
  configFile: string | undefined,
) => Promise<void>;

/**
 * The commands as commander takes them. Throws CommanderError instead of ending the process; `perform` runs what was asked
 * for.
 */
export function createProgram(options: {
  readonly version: string;
  readonly write: (text: string) => void;
  readonly hasColours: boolean;
  readonly perform: Perform;
}): Command {
  const program = prepare(new Command("slipway"), options, {
    // Everything at once: nobody should have to ask each group what it has.
    visibleCommands: (command) => [...command.commands.flatMap(leaves)],
    subcommandTerm: fullName,
  })
    .description(DESCRIPTION)
    .version(options.version, "-V, --version", "print the version")
    .option(CONFIG_OPTION.flags, CONFIG_OPTION.summary)
    .helpCommand("help [command]", "print help for a command")
    .addHelpText(
      "after",
      "\nSay `slipway help <command>` for examples. Exit codes: 0 all is well, 1 a problem was found, 2 used wrongly.",
    );
  const parents = new Map<string, Command>();
  for (const command of commands) {
    const [first = "", ...rest] = command.name.split(" ");
    const summary = groups[first];
    let parent = program;
    if (summary !== undefined) {
      parent =
        parents.get(first) ??
        prepare(program.command(first), options).description(summary).helpCommand(false);
      parents.set(first, parent);
    }
    const own = summary === undefined ? first : rest.join(" ");
    add(parent, own, command, options, program);
  }
  return program;
}

/** Every first word of a command. */
export const commandWords: readonly string[] = [
  ...new Set(commands.map(({ name }) => name.split(" ")[0] ?? name)),
];

/** Second words of the commands of a group; empty for a word that is no group. */
export function commandsOf(group: string): readonly string[] {
  return commands
    .map(({ name }) => name.split(" "))
    .filter(([first, second]) => first === group && second !== undefined)
    .map(([, second = ""]) => second);
}

function add(
  parent: Command,
  name: string,
  command: CliCommand,
  options: Parameters<typeof createProgram>[0],
  program: Command,
): void {
  const isDefault = command.standsForGroup === true;
  const added = prepare(parent.command(name, { isDefault }), options)
    .summary(command.summary)
    .description(command.description)
    .addHelpText("after", () => `\n${examplesAndExitCodes(command)}`);
  for (const { form, summary } of command.arguments ?? []) {
    added.argument(form, summary);
  }
  for (const { flags, summary } of command.options ?? []) {
    added.option(flags, summary);
  }
  added.action(async () => {
    const names = added.registeredArguments.map((argument) => argument.name());
    const given = added.processedArgs as readonly unknown[];
    await options.perform(
      command,
      { ...added.opts(), ...Object.fromEntries(names.map((each, index) => [each, given[index]])) },
      program.opts<{ config?: string }>().config,
    );
  });
}

function prepare(
  command: Command,
  { write, hasColours }: Pick<Parameters<typeof createProgram>[0], "write" | "hasColours">,
  own: HelpConfiguration = {},
): Command {
  const bold = (text: string) => (hasColours ? `\u001b[1m${text}\u001b[22m` : text);
  return command
    .exitOverride()
    .configureHelp({
      helpWidth: Math.min(process.stdout.columns ?? COLUMNS, COLUMNS),
      showGlobalOptions: true,
      styleTitle: bold,
      formatItemList: byFamily,
      ...own,
    })
    .configureOutput({
      writeOut: write,
      // Errors are told in our own words by whoever catches them.
      writeErr: () => undefined,
      getOutHasColors: () => hasColours,
    });
}

function leaves(command: Command): readonly Command[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

/** `config check` */
function fullName(command: Command): string {
  return command.parent?.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

/** "Global Options" says what they are, not that they are everywhere. */
function byFamily(heading: string, items: string[], helper: Help): string[] {
  const title = heading === "Global Options:" ? "Options of every command:" : heading;
  return items.length === 0 ? [] : [helper.styleTitle(title), ...items, ""];
}

/** The end of a command's help. */
function examplesAndExitCodes(command: CliCommand): string {
  const codes: [ExitCode, string | undefined][] = [
    [EXIT.ok, command.exitCodes.ok],
    [EXIT.problem, command.exitCodes.problem],
    [EXIT.misused, MISUSED],
  ];
  return [
    "Examples:",
    ...command.examples.flatMap(({ line, does }) => [`  ${line}`, `      ${does}`]),
    "",
    "Exit codes:",
    ...codes.flatMap(([code, text]) => (text === undefined ? [] : [`  ${code}  ${text}`])),
  ].join("\n");
}
