import type { DeploymentSummary } from "../../shared/contract/deployment.ts";
import type { Card } from "../chat/card.ts";
import { actions, card, link, note, table, text } from "../chat/card-builders.ts";
import { deploymentStatusWords } from "./deployment-words.ts";
import { personName, timeWords } from "./wording.ts";

/** Deployments, newest first. `title` says of what. */
export function historyCard(
  title: string,
  deployments: readonly DeploymentSummary[],
  total: number,
  dashboardUrl: string,
): Card {
  const [newest] = deployments;
  const hidden = total - deployments.length;
  return card(
    `${title} (${total.toLocaleString("en-US")})`,
    "info",
    newest === undefined && text("Nothing was deployed yet."),
    table(
      ["Deployment", "When", "Environment", "What", "How it ended", "By"],
      deployments.map((each) => [
        `#${each.number}`,
        timeWords(each.startedAt ?? each.createdAt) ?? "",
        each.environment,
        whatWords(each),
        deploymentStatusWords[each.status],
        personName(each.requestedBy),
      ]),
      20,
    ),
    text(hidden > 0 ? `… and ${hidden.toLocaleString("en-US")} more.` : undefined),
    newest && note(`Next: \`deployment ${newest.number}\` shows one.`),
    actions(link("Open dashboard", `${dashboardUrl}/deployments`)),
  );
}

function whatWords({ kind, release, services }: DeploymentSummary): string {
  const count = `${services.length} ${services.length === 1 ? "service" : "services"}`;
  if (kind === "rollback") {
    return `rollback of ${count}`;
  }
  return release === null ? count : `release #${release}, ${count}`;
}
