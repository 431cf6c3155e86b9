import type { PlanView } from "../../shared/contract/deployment.ts";
import { formatDuration } from "../../shared/lib/time.ts";
import type { Card } from "../chat/card.ts";
import { actions, button, card, fields, note, table, text } from "../chat/card-builders.ts";
import { plain, sentence } from "../chat/markdown.ts";
import { requestDeployment } from "./action-refs.ts";
import { orderLines } from "./order-card.ts";
import { quoteWord, unmetLines, versionWords } from "./wording.ts";

const changeWords: Readonly<Record<PlanView["changes"][number]["change"], string>> = {
  create: "new here",
  update: "changes",
  none: "runs this already",
};

/** A dry run: what would happen, in which order, and what stands in the way. `fingerprint` is the content that was planned. */
export function planCard(plan: PlanView, fingerprint: string): Card {
  const { release, environment, possible } = plan;
  return card(
    `Plan: release #${release} to ${plain(environment, 80)} (${possible ? "possible now" : "not possible yet"})`,
    possible ? "success" : "warning",
    text(
      possible
        ? "Every requirement is met. Nothing has been changed."
        : "**What stands in the way**",
      ...unmetLines(plan.requirements),
    ),
    fields([
      [
        "Expected duration",
        plan.expectedDurationMs === null
          ? "not known yet: nothing like this was deployed here before"
          : formatDuration(plan.expectedDurationMs),
      ],
    ]),
    table(
      ["Wave", "Service", "From", "To", "Change"],
      plan.changes.map(({ wave, service, from, to, change }) => [
        String(wave),
        service,
        versionWords(from, null),
        versionWords(to, null),
        changeWords[change],
      ]),
    ),
    text(...orderLines(plan.order)),
    text(...plan.warnings.map((warning) => `**Mind**: ${sentence(warning)}`)),
    note(
      possible
        ? `Next: \`deploy ${release} to ${quoteWord(environment)}\`.`
        : `Next: do what is said above, then \`plan ${release} to ${quoteWord(environment)}\` again.`,
    ),
    actions(
      possible &&
        button("Deploy", requestDeployment.call({ release, environment, fingerprint }), "primary"),
    ),
  );
}
