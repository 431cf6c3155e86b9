import type { z } from "zod";
import type { ActionCall } from "./card.ts";
import type { Action, ActionRef, Answer, Command, CommandContext } from "./command.ts";
import { createCommandInput, type CommandInput, type OptionSpec } from "./command-input.ts";

type CommandSpec<T> = Omit<Command, "parse" | "run"> & {
  /** Options such as `--exclude` and `-m`, by name without hyphens. */
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** Reads the words after the phrase; what it leaves unread is refused. */
  readonly read: (input: CommandInput) => T;
  run(context: CommandContext, args: T): Promise<Answer>;
};

/** Declares a command. Its grammar is `read`, its documentation the usage and the examples, which a test parses. */
export function defineCommand<T>(spec: CommandSpec<T>): Command<z.ZodType<T>> {
  const { options, read, ...rest } = spec;
  return {
    ...rest,
    parse(words) {
      const input = createCommandInput(words, spec, options);
      const args = read(input);
      input.end();
      return args;
    },
  };
}

/**
 * Declares what a click means. `text` gives the command that does the same when typed: every button has one, so that nothing
 * depends on buttons working.
 */
export function defineActionRef<P extends z.ZodType>(
  id: string,
  payload: P,
  text: (payload: z.input<P>) => string,
): ActionRef<P> {
  return {
    id,
    payload,
    call: (input): ActionCall => ({ action: id, payload: input, text: text(input) }),
  };
}

/** Implements what a click means. */
export function defineAction<P extends z.ZodType>(
  ref: ActionRef<P>,
  spec: Omit<Action<P>, "ref">,
): Action<P> {
  return { ...spec, ref };
}
