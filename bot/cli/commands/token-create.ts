import { z } from "zod";
import { parseDuration } from "../../../shared/lib/time.ts";
import { defineCliCommand } from "../command.ts";
import { TokenScopes } from "../token-input.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const LONGEST_MS = 365 * DAY_MS;
const EXPIRES_WRONG = "--expires takes a duration from 1h to 365d, such as 12h or 30d.";

const Expiry = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms === undefined || ms < HOUR_MS || ms > LONGEST_MS) {
    context.addIssue({ code: "custom", message: EXPIRES_WRONG });
    return z.NEVER;
  }
  return ms;
});

export const tokenCreate = defineCliCommand({
  name: "token create",
  standsForGroup: true,
  summary: "make an API token for a known person; `token` alone does the same",
  description: `Makes an API token that acts as that person. The last line of standard output is the token, and nothing else; it is shown only now, and only a hash of it is kept.

A token can never do more than its owner: their roles are asked for again from the identity provider while it is used, and it stops working when they lose access. Whoever may run this command on the machine may make one; the audit log keeps who did, as done from the command line.

With the embedded identity provider everybody of the sample is known. With your own, people are known once they have signed in.`,
  options: [
    { flags: "--person <username>", summary: "whose token it is" },
    {
      flags: "--name <name>",
      summary: 'what it is for, shown in lists; "command-line" by default',
    },
    { flags: "--scope <scopes>", summary: "read, write, or read,write (the default)" },
    { flags: "--expires <duration>", summary: "how long it is good for; 90d by default" },
    { flags: "--json", summary: "answer as JSON" },
  ],
  examples: [
    { line: "slipway token --person dana", does: "for 90 days, to read and to write" },
    {
      line: "slipway token --person dana --scope read --expires 12h --name grafana",
      does: "may only look, until tonight",
    },
    { line: "TOKEN=$(slipway token --person dana | tail -n 1)", does: "into a variable" },
  ],
  exitCodes: {
    ok: "The token was made.",
    problem: "Nobody is known by that name, or the data cannot be used.",
  },
  input: z.object({
    person: z
      .string("Say whose token it is: --person <username>.")
      .trim()
      .min(1, "Say whose token it is: --person <username>."),
    name: z
      .string()
      .trim()
      .min(1, "--name must not be empty.")
      .max(100, "--name takes at most 100 characters.")
      .default("command-line"),
    scope: TokenScopes.default(["read", "write"]),
    expires: Expiry.default(90 * DAY_MS),
    json: z.boolean().default(false),
  }),
  async run(context, { person, name, scope, expires, json }) {
    const { out, clock } = context;
    const { operatorOf, withInstallation } = await import("../open-installation.ts");
    const { token, ...made } = await withInstallation(context, async ({ people }) => {
      await people.learnDirectory();
      return people.tokens.issue(operatorOf(context), person, {
        name,
        scopes: scope,
        expiresAt: new Date(clock.now().getTime() + expires),
      });
    });
    if (json) {
      out.json({ ...made, token });
      return;
    }
    const until = made.expiresAt?.slice(0, 16).replace("T", " ") ?? "revoked";
    out.line(
      `A token of ${person} to ${scope.join(" and ")}, good until ${until} UTC (id ${made.id}). It is shown only now:`,
    );
    out.line(token);
  },
});
