import { z } from "zod";
import { relativeTime } from "../../../shared/lib/time.ts";
import { defineCliCommand } from "../command.ts";

export const tokenList = defineCliCommand({
  name: "token list",
  summary: "list everybody's API tokens",
  description: `Lists tokens with their owner, what they may do, when they were last used and when they end. Secrets are not kept, so they cannot be shown.`,
  options: [
    { flags: "--person <username>", summary: "only theirs" },
    { flags: "--all", summary: "expired and revoked ones too" },
    { flags: "--json", summary: "answer as JSON" },
  ],
  examples: [
    { line: "slipway token list", does: "those that work now" },
    { line: "slipway token list --person dana --all", does: "everything dana ever had" },
  ],
  exitCodes: {
    ok: "The list was printed, also when it is empty.",
    problem: "Nobody is known by that name, or the data cannot be used.",
  },
  input: z.object({
    person: z.string().trim().min(1, "--person takes a username.").optional(),
    all: z.boolean().default(false),
    json: z.boolean().default(false),
  }),
  async run(context, { person, all, json }) {
    const { out, clock } = context;
    const { operatorOf, withInstallation } = await import("../open-installation.ts");
    const listed = await withInstallation(context, ({ people }) =>
      people.tokens.list(operatorOf(context), person),
    );
    const tokens = listed.filter((token) => all || token.state === "active");
    if (json) {
      out.json({ tokens });
      return;
    }
    if (tokens.length === 0) {
      const hidden = listed.length > 0 ? " Those that ended are shown with --all." : "";
      out.line(`There are no API tokens${person === undefined ? "" : ` of ${person}`}.${hidden}`);
      return;
    }
    const now = clock.now();
    out.table(
      ["ID", "OWNER", "NAME", "SCOPES", "LAST USED", "ENDS"],
      tokens.map((token) => [
        token.id,
        token.owner.username,
        token.name,
        token.scopes.join(","),
        token.lastUsedAt === null ? "never" : relativeTime(new Date(token.lastUsedAt), now),
        token.state === "active" ? (token.expiresAt?.slice(0, 10) ?? "never") : token.state,
      ]),
    );
  },
});
