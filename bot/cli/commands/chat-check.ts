import { z } from "zod";
import { defineCliCommand, EXIT } from "../command.ts";

const LIMIT_MS = 15_000;

export const chatCheck = defineCliCommand({
  name: "chat check",
  summary: "try every configured chat platform and explain each failure",
  description: `Tries what each platform needs: that it can be reached, that its credentials and rights are good, that the channels announcements go to are there. Nothing is posted, and it may run beside the server. Platforms are tried side by side, each for at most 15 seconds.`,
  arguments: [{ form: "[platform]", summary: "only this one" }],
  options: [{ flags: "--json", summary: "answer as JSON" }],
  examples: [
    { line: "slipway chat check", does: "why does the bot not answer?" },
    { line: "slipway chat check room --json", does: "one platform, for a script" },
  ],
  exitCodes: {
    ok: "Every platform works.",
    problem: "Something does not; each failure is printed with its remedy.",
  },
  input: z.object({ platform: z.string().optional(), json: z.boolean().default(false) }),
  async run(context, { platform, json }) {
    const [{ withInstallation, quietLogger }, { platformChecks }, findings] = await Promise.all([
      import("../open-installation.ts"),
      import("../platform-checks.ts"),
      import("../findings.ts"),
    ]);
    const { out, signal } = context;
    const checked = await withInstallation(context, ({ services }, config) =>
      findings.tryAll(
        platformChecks(config, {
          services,
          logger: quietLogger(config),
          clock: context.clock,
          only: platform,
        }),
        { limitMs: LIMIT_MS, signal },
      ),
    );
    const isFine = checked.length > 0 && !findings.hasProblem(checked);
    if (json) {
      out.json({ ok: isFine, platforms: checked });
    } else if (checked.length === 0) {
      out.line("No chat platform is configured, so people can use the dashboard and the API only.");
    } else {
      findings.printFindings(checked, out);
    }
    return isFine ? EXIT.ok : EXIT.problem;
  },
});
