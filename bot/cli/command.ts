import type { z } from "zod";
import type { Environment } from "../../shared/config/environment.ts";
import { CommandLineInvalid } from "../../shared/errors/catalog.ts";
import type { Output } from "./output.ts";

/** How the process ends: all is well, a problem was found, or it was used wrongly. */
export const EXIT = { ok: 0, problem: 1, misused: 2 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a command works with besides its input. */
export interface CliContext {
  readonly environment: Environment;
  readonly cwd: string;
  /** The file `--config` names. */
  readonly configFile: string | undefined;
  readonly clock: { now(): Date };
  readonly out: Output;
  /** Aborted when somebody presses Ctrl+C. */
  readonly signal: AbortSignal;
}

interface Described {
  /** As it is typed, e.g. `config check`. */
  readonly name: string;
  /** What its first word alone means too: `token` is `token create`. */
  readonly standsForGroup?: boolean;
  /** One line for the list. */
  readonly summary: string;
  /** What it does, what it leaves alone, when to use it. Paragraphs are separated by empty lines. */
  readonly description: string;
  readonly arguments?: readonly {
    /** `<file>` when it must be given, `[file]` when it may, `[id...]` for several. */
    readonly form: string;
    readonly summary: string;
  }[];
  readonly options?: readonly {
    /** As commander takes it, e.g. `--scope <list>`. */
    readonly flags: string;
    readonly summary: string;
  }[];
  readonly examples: readonly { readonly line: string; readonly does: string }[];
  /** What 0 and, where it can happen, 1 mean for this command. */
  readonly exitCodes: { readonly ok: string; readonly problem?: string };
}

/** One command of the command-line. */
export interface CliCommand extends Described {
  /** Names of the arguments and options it reads. */
  readonly keys: readonly string[];
  /** Throws CommandLineInvalid for input it cannot take, and whatever its work throws. */
  run(context: CliContext, input: Readonly<Record<string, unknown>>): Promise<ExitCode>;
}

/** Declares a command; `input` parses what was typed: arguments by their name, options in camel case. */
export function defineCliCommand<I extends z.ZodObject>(
  spec: Described & {
    readonly input: I;
    /** Nothing returned: all is well. */
    readonly run: (context: CliContext, input: z.output<I>) => Promise<ExitCode | void>;
  },
): CliCommand {
  const { input: schema, run, ...described } = spec;
  return {
    ...described,
    keys: Object.keys(schema.shape),
    async run(context, input) {
      const parsed = schema.safeParse(input);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw new CommandLineInvalid(
          { why: issue?.message ?? "This cannot be understood." },
          { remedy: `Say \`slipway help ${spec.name}\` for examples.` },
        );
      }
      return (await run(context, parsed.data)) ?? EXIT.ok;
    },
  };
}
