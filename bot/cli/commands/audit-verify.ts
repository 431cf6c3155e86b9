import { z } from "zod";
import { pluralise } from "../../../shared/lib/text.ts";
import { defineCliCommand, EXIT } from "../command.ts";

export const auditVerify = defineCliCommand({
  name: "audit verify",
  summary: "prove that no entry of the audit log was changed, removed or inserted",
  description: `Follows the chain of hashes from the first entry to the last and names the first place where it breaks. It reads in pages, beside the running server, and takes the same memory for ten entries as for ten million.

What it cannot see: somebody who may write the database and recomputed every hash from a change on. Keep the hash it prints somewhere else, or an export of the log, to exclude that.`,
  options: [{ flags: "--json", summary: "answer as JSON" }],
  examples: [
    { line: "slipway audit verify", does: "check the whole log" },
    { line: "slipway audit verify --json", does: "for a nightly job" },
  ],
  exitCodes: {
    ok: "Every entry is as it was written.",
    problem: "The chain is broken; the first wrong entry is named.",
  },
  input: z.object({ json: z.boolean().default(false) }),
  async run(context, { json }) {
    const { out, signal } = context;
    const { operatorOf, withInstallation } = await import("../open-installation.ts");
    const answer = await withInstallation(context, ({ services }) =>
      services.audit.verify(operatorOf(context), (checked, total) => {
        signal.throwIfAborted();
        const share = Math.floor((checked / total) * 100);
        out.progress(
          `${checked.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} entries (${String(share)} %)`,
        );
      }),
    );
    if (json) {
      out.json(answer);
    } else if (answer.ok) {
      out.line(`${out.style("good", "ok")}  ${answer.detail}`);
    } else {
      out.line(`${out.style("bad", "broken")}  ${answer.detail}`);
      out.line(
        `${pluralise(answer.checked, "entry", "entries")} before it can be trusted. Keep a copy of the database as it is now, and compare with the last backup.`,
      );
    }
    return answer.ok ? EXIT.ok : EXIT.problem;
  },
});
