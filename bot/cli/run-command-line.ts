import type { Writable } from "node:stream";
import { CommanderError } from "commander";
import type { Environment } from "../../shared/config/environment.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import { CommandLineInvalid } from "../../shared/errors/catalog.ts";
import { didYouMean, joinWords } from "../../shared/lib/text.ts";
import { readVersion } from "../../shared/lib/version.ts";
import { EXIT, type ExitCode } from "./command.ts";
import { createOutput, wantsColours } from "./output.ts";
import { commandsOf, commandWords, createProgram, groups } from "./program.ts";

const FAULT = "This is a fault in Slipway, not yours. Please report it with the lines below.";

/** Runs one command-line to its end and answers with its exit code. Mistakes are printed in words, with what to do. */
export async function runCommandLine(options: {
  /** Without the names of node and of the script. */
  readonly args: readonly string[];
  readonly environment: Environment;
  readonly cwd: string;
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly signal: AbortSignal;
  readonly clock?: { now(): Date };
}): Promise<ExitCode> {
  const { args, environment, cwd, stdout, stderr, signal } = options;
  const out = createOutput({ stdout, stderr, environment });
  let exitCode: ExitCode = EXIT.ok;
  const program = createProgram({
    version: readVersion(),
    write: (text) => void stdout.write(text),
    hasColours: wantsColours(stdout, environment),
    async perform(command, input, configFile) {
      exitCode = await command.run(
        {
          environment,
          cwd,
          configFile,
          clock: options.clock ?? { now: () => new Date() },
          out,
          signal,
        },
        input,
      );
    },
  });
  try {
    const wanted = readHelp(args);
    refuseUnknownMembers(wanted);
    await program.parseAsync(wanted, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      return explainMisuse(error);
    }
    if (error instanceof AppError) {
      out.note(`slipway: ${error.message}${error.remedy ? `\n${error.remedy}` : ""}`);
      return error instanceof CommandLineInvalid ? EXIT.misused : EXIT.problem;
    }
    out.note(`slipway: ${FAULT}`);
    out.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    return EXIT.problem;
  }

  /** Commander ends help and version the same way as mistakes. */
  function explainMisuse(error: CommanderError): ExitCode {
    if (error.exitCode === 0) {
      return EXIT.ok;
    }
    if (error.code === "commander.help") {
      // A group alone is a question, not a mistake: what it has was printed to nobody.
      const [group = ""] = args.filter((word) => !word.startsWith("-"));
      out.note(
        `slipway: Say which: ${commandsOf(group)
          .map((each) => `${group} ${each}`)
          .join(", ")}.`,
      );
      return EXIT.misused;
    }
    const words = error.message
      .replace(/^error: /, "")
      .replace(/\n\(Did you mean (.*)\?\)$/s, ". Did you mean $1?")
      .replace(/[^.?]$/, "$&.");
    out.note(`slipway: ${words[0]?.toUpperCase() ?? ""}${words.slice(1)}`);
    out.note("Say `slipway help` for everything there is.");
    return EXIT.misused;
  }
}

/** `help config check` asks what `config check --help` asks, and nothing at all asks for help. */
function readHelp(args: readonly string[]): readonly string[] {
  if (args.length === 0) {
    return ["--help"];
  }
  return args[0] === "help" ? [...args.slice(1), "--help"] : args;
}

/**
 * `token lst`: commander would take the unknown word for something the group's own command does not want, and could not say
 * what was meant.
 */
function refuseUnknownMembers(args: readonly string[]): void {
  const at = args.findIndex((word, index) => !word.startsWith("-") && !isValue(args[index - 1]));
  const [first, second] = at < 0 ? [] : args.slice(at, at + 2);
  if (first === undefined) {
    return;
  }
  refuseUnknown(first, commandWords, "");
  if (second !== undefined && !second.startsWith("-") && groups[first] !== undefined) {
    refuseUnknown(second, commandsOf(first), `${first} `);
  }
}

function refuseUnknown(word: string, known: readonly string[], before: string): void {
  if (known.includes(word)) {
    return;
  }
  const [meant] = didYouMean(word, known);
  throw new CommandLineInvalid(
    { why: `There is no command "${before}${word.slice(0, 60)}".` },
    {
      remedy:
        meant === undefined
          ? `There is ${joinWords(known.map((each) => `\`${before}${each}\``))}.`
          : `Did you mean \`${before}${meant}\`?`,
    },
  );
}

function isValue(before: string | undefined): boolean {
  return before === "-c" || before === "--config";
}
