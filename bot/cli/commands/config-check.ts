import { z } from "zod";
import type { Config } from "../../../shared/config/config.ts";
import { CommandLineInvalid, ConfigInvalid } from "../../../shared/errors/catalog.ts";
import { parseDuration } from "../../../shared/lib/time.ts";
import { defineCliCommand, EXIT } from "../command.ts";

const TIMEOUT_WRONG = "--timeout takes a duration such as 10s.";

export const configCheck = defineCliCommand({
  name: "config check",
  summary: "tell every mistake at once, with the line and the fix",
  description: `Reads the configuration as the server would and tells every mistake at once, with its place, its line and what to write instead. Without mistakes it says what the configuration amounts to: environments, targets, and who may sign what.

Nothing is started and nothing is changed. With --connect every system that is named is tried as well, side by side: the database, the identity provider, each entry of repositories, the target of each environment. Chat platforms are tried by \`slipway chat check\`.`,
  arguments: [{ form: "[file]", summary: "the file to check; counts more than --config" }],
  options: [
    { flags: "--print", summary: "print the configuration as it counts, secrets as [secret]" },
    { flags: "--connect", summary: "try every system that is named" },
    {
      flags: "--timeout <duration>",
      summary: "longest wait for one system with --connect; 15s by default",
    },
    { flags: "--json", summary: "answer as JSON" },
  ],
  examples: [
    { line: "slipway config check", does: "before a restart" },
    { line: "slipway config check new.yaml --connect", does: "before that file becomes the one" },
    { line: "slipway config check --print", does: "every default filled in" },
  ],
  exitCodes: {
    ok: "There are no mistakes, and with --connect every system answered.",
    problem: "There are mistakes, or a system did not answer as it should.",
  },
  input: z.object({
    file: z.string().optional(),
    print: z.boolean().default(false),
    connect: z.boolean().default(false),
    timeout: z
      .string()
      .default("15s")
      .transform((text, context) => {
        const ms = parseDuration(text);
        if (ms === undefined || ms === 0) {
          context.addIssue({ code: "custom", message: TIMEOUT_WRONG });
          return z.NEVER;
        }
        return ms;
      }),
    json: z.boolean().default(false),
  }),
  async run(context, { file, print, connect, timeout, json }) {
    if (print && (connect || json)) {
      throw new CommandLineInvalid(
        { why: "--print goes neither with --connect nor with --json." },
        { remedy: "Run them one after the other." },
      );
    }
    const { out, signal } = context;
    const { loadFor } = await import("../load-config.ts");
    let config: Config;
    try {
      config = loadFor(context, file);
    } catch (error) {
      if (json && error instanceof ConfigInvalid) {
        out.json({ ok: false, problems: error.data.problems });
        return EXIT.problem;
      }
      throw error;
    }
    if (print) {
      const { printConfig } = await import("../../../shared/config/print-config.ts");
      out.line(printConfig(config).trimEnd());
      return EXIT.ok;
    }
    const { printSummary, summarise } = await import("../describe-config.ts");
    const { hasProblem, printFindings, tryAll } = await import("../findings.ts");
    const summary = summarise(config);
    const checked = connect
      ? await tryAll((await import("../connections.ts")).connectionChecks(config, context), {
          limitMs: timeout,
          signal,
        })
      : [];
    const isFine = !hasProblem(checked);
    if (json) {
      out.json({ ok: isFine, summary, ...(connect ? { connections: checked } : {}) });
      return isFine ? EXIT.ok : EXIT.problem;
    }
    out.line(
      config.file === null
        ? "There is no configuration file: the embedded default with its sample workspace is used."
        : `${config.file} is fine.`,
    );
    out.line();
    printSummary(summary, out);
    if (connect) {
      out.line();
      printFindings(checked, out);
    }
    return isFine ? EXIT.ok : EXIT.problem;
  },
});
