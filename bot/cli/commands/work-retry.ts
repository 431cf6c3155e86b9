import { z } from "zod";
import { AppError } from "../../../shared/errors/app-error.ts";
import { CommandLineInvalid } from "../../../shared/errors/catalog.ts";
import { pluralise } from "../../../shared/lib/text.ts";
import { defineCliCommand, EXIT } from "../command.ts";

/** Entries read at once. */
const PAGE = 500;

export const workRetry = defineCliCommand({
  name: "work retry",
  summary: "start background work again that gave up",
  description: `Gives background work all its attempts again. A running server takes it up within seconds; otherwise it waits for the next start. The audit log keeps who asked for it.`,
  arguments: [{ form: "[id...]", summary: "ids as `work list` shows them" }],
  options: [
    { flags: "--all", summary: "everything that gave up" },
    { flags: "--json", summary: "answer as JSON" },
  ],
  examples: [
    { line: "slipway work retry job-12 delivery-34", does: "these two" },
    { line: "slipway work retry --all", does: "the chat server is back" },
  ],
  exitCodes: {
    ok: "Everything that was named will be tried again.",
    problem: "Some of it could not be started again; what and why is printed.",
  },
  input: z.object({
    id: z.array(z.string().trim().min(1)).default([]),
    all: z.boolean().default(false),
    json: z.boolean().default(false),
  }),
  async run(context, { id: ids, all, json }) {
    if (all === ids.length > 0) {
      throw new CommandLineInvalid(
        { why: "Name either ids or --all." },
        { remedy: "`slipway work list` shows the ids." },
      );
    }
    const { out } = context;
    const { operatorOf, withInstallation } = await import("../open-installation.ts");
    const operator = operatorOf(context);
    const { retried, refused } = await withInstallation(context, async ({ services }) => {
      const work = services.backgroundWork;
      const done: string[] = [];
      const failed: { readonly id: string; readonly error: AppError }[] = [];
      for (const id of all ? await everything() : ids) {
        try {
          await work.retry(operator, id);
          done.push(id);
        } catch (error) {
          if (!(error instanceof AppError)) {
            throw error;
          }
          failed.push({ id, error });
        }
      }
      return { retried: done, refused: failed };

      /** Read to the end before anything changes, because what is retried leaves the list. */
      async function everything(): Promise<readonly string[]> {
        const found: string[] = [];
        for (;;) {
          const page = await work.list(operator, { limit: PAGE, offset: found.length });
          found.push(...page.items.map((each) => each.id));
          if (page.items.length === 0 || found.length >= page.total) {
            return found;
          }
        }
      }
    });
    if (json) {
      out.json({
        retried,
        refused: refused.map(({ id, error }) => ({ id, reason: error.message })),
      });
    } else {
      out.line(
        retried.length + refused.length === 0
          ? "Nothing gave up."
          : `${pluralise(retried.length, "piece")} of work will be tried again.`,
      );
      for (const { error } of refused) {
        out.line(`${error.message}${error.remedy === undefined ? "" : ` ${error.remedy}`}`);
      }
    }
    return refused.length === 0 ? EXIT.ok : EXIT.problem;
  },
});
