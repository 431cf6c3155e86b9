import { z } from "zod";
import { CommandLineInvalid } from "../../../shared/errors/catalog.ts";
import { pluralise } from "../../../shared/lib/text.ts";
import { defineCliCommand } from "../command.ts";

export const tokenRevoke = defineCliCommand({
  name: "token revoke",
  summary: "make API tokens worthless, by id or all of a person",
  description: `A revoked token stops working within seconds, also at a running server, and for ever. The audit log keeps who revoked it.`,
  arguments: [{ form: "[id...]", summary: "ids as `token list` shows them" }],
  options: [
    { flags: "--person <username>", summary: "every token of this person that works" },
    { flags: "--json", summary: "answer as JSON" },
  ],
  examples: [
    { line: "slipway token revoke 0198c1f2-…", does: "one token" },
    { line: "slipway token revoke --person dana", does: "a laptop was stolen" },
  ],
  exitCodes: {
    ok: "The tokens are revoked.",
    problem: "There is no such token or person; nothing was revoked after that.",
  },
  input: z.object({
    id: z.array(z.string().trim().min(1)).default([]),
    person: z.string().trim().min(1, "--person takes a username.").optional(),
    json: z.boolean().default(false),
  }),
  async run(context, { id: ids, person, json }) {
    if ((ids.length === 0) === (person === undefined)) {
      throw new CommandLineInvalid(
        { why: "Name either ids or a person." },
        { remedy: "`slipway token list` shows the ids." },
      );
    }
    const { out } = context;
    const { operatorOf, withInstallation } = await import("../open-installation.ts");
    const operator = operatorOf(context);
    const revoked = await withInstallation(context, async ({ people }) => {
      const wanted =
        person === undefined
          ? ids
          : (await people.tokens.list(operator, person))
              .filter((token) => token.state === "active")
              .map((token) => token.id);
      for (const each of wanted) {
        await people.tokens.revoke(operator, each);
      }
      return wanted;
    });
    if (json) {
      out.json({ revoked });
    } else if (revoked.length === 0) {
      out.line(`${person ?? "Nobody"} has no API token that works.`);
    } else {
      out.line(`${pluralise(revoked.length, "token")} revoked.`);
    }
  },
});
