import type { DeploymentLogView, DeploymentView } from "../../shared/contract/deployment.ts";
import type { Card } from "../chat/card.ts";
import { card, text } from "../chat/card-builders.ts";
import { outcomeSubject, type LiveCard } from "../chat/live-card.ts";
import { sentence } from "../chat/markdown.ts";
import { failureCard, logCard } from "./deployment-card.ts";
import { hasFailed, unlandedServices } from "./deployment-words.ts";

/**
 * Whether somebody has to act now that it has ended: it failed, it was stopped with some services changed and others not, or
 * a branch could not be moved to what is out.
 */
export function needsAction(deployment: DeploymentView): boolean {
  const carrying = deployment.results.filter((result) => result.carriesNewVersion).length;
  const isPartial = carrying > 0 && carrying < deployment.results.length;
  return (
    hasFailed(deployment) ||
    (deployment.status === "aborted" && isPartial) ||
    unlandedServices(deployment).length > 0
  );
}

/** The message of its own that says so. */
export function outcomeLive(deployment: DeploymentView): LiveCard {
  return {
    subject: outcomeSubject(deployment.number),
    shown: { status: deployment.status },
    card: failureCard(deployment),
  };
}

/** Why one service failed, with the last lines of its output. */
export function serviceFailureCard(
  deployment: DeploymentView,
  service: string,
  log: DeploymentLogView["items"],
): Card {
  const { results, steps } = deployment;
  const step = steps.find((each) => each.service === service && each.status === "failed");
  const detail = step?.outcome ?? results.find((each) => each.service === service)?.detail;
  const own = log.filter((line) => line.service === service);
  return card(
    `${service} failed${step ? ` to ${step.stage}` : ""}`,
    "danger",
    text(sentence(detail ?? "It gave no reason.")),
    ...logCard(deployment, own, service).blocks,
  );
}
