import { z } from "zod";
import { Duration, PositiveDuration } from "../../../config/duration.ts";
import { Text } from "../../../config/values.ts";
import { nearest } from "../../../lib/nearest.ts";
import { DEPLOY_PLACEHOLDERS, placeholdersIn, SERVICE_PLACEHOLDERS } from "./placeholders.ts";

const VariableName = z.string().refine((name) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name), {
  error: "is not the name of an environment variable",
  params: { fix: "Use letters, digits and underscores." },
});

const ForeignVariableName = VariableName.refine((name) => !name.startsWith("SLIPWAY_"), {
  error: "is reserved: names with SLIPWAY_ tell the command about the deploy",
  params: { fix: "Choose a name that does not start with SLIPWAY_." },
});

/** Options of the command target: programs with their arguments, never a line for a shell. */
export const CommandOptions = z.strictObject({
  /** Brings one service to one version. Exit 0: done. */
  apply: argv(DEPLOY_PLACEHOLDERS),
  /** Tells what runs; see `readObservation`. */
  observe: argv(SERVICE_PLACEHOLDERS),
  /** Runs the migrations of one service. Left out: there are none. */
  migrate: argv(DEPLOY_PLACEHOLDERS).optional(),
  /** Restarts one service. Left out: not possible here. */
  restart: argv(SERVICE_PLACEHOLDERS).optional(),
  /** Where commands run; relative to the configuration file. */
  cwd: Text.optional(),
  /** Variables to set. */
  env: z.record(ForeignVariableName, Text).default({}),
  /** Variables of ours to hand on. Nothing else of our environment is seen by commands. */
  pass_env: z.array(ForeignVariableName).max(100).default(["PATH"]),
  /** Longest run of apply, migrate and restart. The environment's own time-outs usually come first. */
  timeout: PositiveDuration.default(3_600_000),
  /** Longest run of observe. */
  observe_timeout: PositiveDuration.default(30_000),
  /** Between asking a command to end and ending it. */
  grace: Duration.default(5_000),
});
export type CommandOptions = z.output<typeof CommandOptions>;

function argv(known: readonly string[]) {
  return z
    .array(
      z
        .string()
        .max(10_000, "is longer than 10,000 characters")
        .refine((argument) => !argument.includes("\0"), { error: "contains a zero character" }),
    )
    .superRefine((args, context) => {
      const [program, ...rest] = args;
      if (program === undefined || program.trim() === "") {
        context.addIssue({
          code: "custom",
          message: "must name a program",
          params: {
            fix: 'Write the program and its arguments, such as [./deploy.sh, "{service}"].',
          },
        });
        return;
      }
      if (placeholdersIn(program).length > 0) {
        context.addIssue({
          code: "custom",
          path: [0],
          message: "the program itself cannot be a placeholder",
          params: { fix: "Name the program, and give it the placeholder as an argument." },
        });
      }
      const script = scriptOf(program, rest);
      if (script !== undefined && placeholdersIn(rest[script] ?? "").length > 0) {
        context.addIssue({
          code: "custom",
          path: [script + 1],
          message: "values would become part of a shell program",
          params: {
            fix: 'Use the variables instead, such as "$SLIPWAY_SERVICE" and "$SLIPWAY_VERSION", in quotes.',
          },
        });
        return;
      }
      rest.forEach((argument, index) => {
        for (const name of placeholdersIn(argument)) {
          if (!known.includes(name)) {
            const near = nearest(name, known)[0];
            context.addIssue({
              code: "custom",
              path: [index + 1],
              message: `there is no placeholder {${name}} here`,
              params: {
                fix:
                  near === undefined
                    ? `Use ${known.map((one) => `{${one}}`).join(", ")}; write {{${name}}} for plain braces.`
                    : `Did you mean {${near}}?`,
              },
            });
          }
        }
      });
    })
    .transform((args): [string, ...string[]] => [args[0] ?? "", ...args.slice(1)]);
}

/** Where a shell is told to run one of its arguments as a program. */
function scriptOf(program: string, args: readonly string[]): number | undefined {
  if (!/(?:^|\/)(?:ba|da|z|k|a)?sh$/.test(program)) {
    return undefined;
  }
  const option = args.findIndex((argument) => /^-[a-z]*c$/.test(argument));
  return option < 0 ? undefined : option + 1;
}
