import { z } from "zod";
import { cleanText } from "../../../shared/lib/text.ts";
import { relativeTime } from "../../../shared/lib/time.ts";
import { defineCliCommand } from "../command.ts";

const SHOWN = 100;
const ERROR_WIDTH = 80;

export const workList = defineCliCommand({
  name: "work list",
  summary: "list background work that gave up",
  description: `Background work that fails is tried again after growing pauses. What has used up its attempts, or was refused for good, is kept with the reason of its last failure, and listed here: jobs first, then facts that a part of Slipway could not be told, newest first.`,
  options: [
    { flags: "--limit <count>", summary: "most entries to show; 100 by default, at most 500" },
    { flags: "--json", summary: "answer as JSON, with whole errors" },
  ],
  examples: [{ line: "slipway work list", does: "is anything stuck?" }],
  exitCodes: { ok: "The list was printed, also when it is empty." },
  input: z.object({
    limit: z
      .string()
      .regex(/^[1-9]\d{0,2}$/, "--limit takes a number from 1 to 500.")
      .transform(Number)
      .refine((limit) => limit <= 500, "--limit takes a number from 1 to 500.")
      .default(SHOWN),
    json: z.boolean().default(false),
  }),
  async run(context, { limit, json }) {
    const { out, clock } = context;
    const { operatorOf, withInstallation } = await import("../open-installation.ts");
    const { items, total } = await withInstallation(context, ({ services }) =>
      services.backgroundWork.list(operatorOf(context), { limit, offset: 0 }),
    );
    if (json) {
      out.json({ items, total });
      return;
    }
    if (total === 0) {
      out.line("Nothing gave up.");
      return;
    }
    const now = clock.now();
    out.table(
      ["ID", "WHAT", "ABOUT", "TRIED", "SINCE", "WHY"],
      items.map((work) => [
        work.id,
        work.name,
        cleanText(work.about, 40),
        `${String(work.attempts)}x`,
        relativeTime(new Date(work.since), now),
        cleanText(work.error, ERROR_WIDTH),
      ]),
    );
    if (total > items.length) {
      out.line(`… and ${String(total - items.length)} more; see --limit.`);
    }
    out.line("Try again with `slipway work retry <id>` when the reason is gone.");
  },
});
