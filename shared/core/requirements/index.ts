import type { Refusal } from "../verdict.ts";
import { ciGreen } from "./ci-green.ts";
import { comparedCompletely } from "./compared-completely.ts";
import { contentCurrent } from "./content-current.ts";
import { destinationUnmoved } from "./destination-unmoved.ts";
import { hasItems } from "./has-items.ts";
import { noActiveDeployment } from "./no-active-deployment.ts";
import { notLocked } from "./not-locked.ts";
import { notOnHold } from "./not-on-hold.ts";
import { notRejected } from "./not-rejected.ts";
import { orderAcyclic } from "./order-acyclic.ts";
import { orderRespected } from "./order-respected.ts";
import type { DeployFacts, Requirement, RequirementAnswer } from "./requirement.ts";
import { signedOff } from "./signed-off.ts";
import { statusDeployable } from "./status-deployable.ts";
import { targetConfigured } from "./target-configured.ts";

/** Every gate before a deploy, in the order people are told about them. */
export const requirements: readonly Requirement<DeployFacts>[] = [
  statusDeployable,
  notRejected,
  hasItems,
  contentCurrent,
  signedOff,
  destinationUnmoved,
  ciGreen,
  orderAcyclic,
  orderRespected,
  targetConfigured,
  notLocked,
  notOnHold,
  noActiveDeployment,
  comparedCompletely,
];

/** The answer of every gate. */
export function checkRequirements(facts: DeployFacts): readonly RequirementAnswer[] {
  return requirements.map((requirement) => ({
    requirement: requirement.id,
    title: requirement.title,
    outcome: requirement.check(facts),
  }));
}

/** What is in the way; empty when the deploy may go ahead. */
export function refusalsOf(answers: readonly RequirementAnswer[]): readonly Refusal[] {
  return answers.flatMap(({ outcome }) => (outcome.state === "unmet" ? outcome.refusals : []));
}
