import type { DeployFacts, Requirement, RequirementAnswer } from "./requirement.ts";
import type { Refusal } from "../verdict.ts";

/** Every gate before a deploy, in the order people are told about them. */
export declare const requirements: readonly Requirement<DeployFacts>[];

/** The answer of every gate. */
export declare function checkRequirements(facts: DeployFacts): readonly RequirementAnswer[];

/** What is in the way; empty when the deploy may go ahead. */
export declare function refusalsOf(answers: readonly RequirementAnswer[]): readonly Refusal[];
