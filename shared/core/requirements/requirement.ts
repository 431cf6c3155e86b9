import { wavesFor, type DeployOrder } from "../deploy-order.ts";
import type { CiState } from "../ports/scm.ts";
import type { ReleaseKind, ReleaseStatus } from "../../contract/release.ts";
import type { ContentItem } from "../release.ts";
import type { EligiblePeople, Person, SignOffPolicy, SignOffResult } from "../sign-off.ts";
import type { Refusal } from "../verdict.ts";

/** Where a branch stands now, or why that could not be read. */
export type BranchFact =
  { readonly ok: true; readonly sha: string } | { readonly ok: false; readonly reason: string };

/** How many commits the destination has that the item's head lacks, or why that could not be read. */
export type DestinationFact =
  | { readonly ok: true; readonly behindCount: number }
  | { readonly ok: false; readonly reason: string };

export interface DeployItem extends ContentItem {
  readonly dependsOn: readonly string[];
  /** Where the source branch stands now; null when the item comes from no branch. */
  readonly source: BranchFact | null;
  /** Null when the item lands on no branch. */
  readonly destination: DestinationFact | null;
  /** Automatic checks of `headSha`; null when no CI is configured. `{ ok: false }`: it is, and could not be read. */
  readonly ci: CiState | { readonly ok: false; readonly reason: string } | null;
  /** This release already brought exactly this content to the environment. */
  readonly isDeployedHere: boolean;
  /** The destination branch already holds this content. */
  readonly isLanded: boolean;
}

/** Everything the gates of a deploy look at, gathered before, so that they can be answered without asking anybody. */
export interface DeployFacts {
  readonly release: {
    readonly number: number;
    readonly kind: ReleaseKind;
    readonly status: ReleaseStatus;
    /** Source branch or environment. */
    readonly source: string;
    /** Destination branch or environment. */
    readonly destination: string;
    /** A rejection in force of this content, recorded at this release or at an earlier one with the same commits. */
    readonly rejection: {
      readonly release: number;
      readonly by: string;
      readonly reason: string;
    } | null;
  };
  readonly environment: {
    readonly name: string;
    /** It is the environment the status of the release speaks of. */
    readonly isTargetOfRelease: boolean;
    /** A deploy target is configured. */
    readonly hasTarget: boolean;
    /** What this deploy does with the destination branch; `off` also where the environment is not the release's target. */
    readonly land: "off" | "before" | "after";
  };
  readonly actor: Person & {
    /** Nobody asked: polling, a schedule or another rule did. */
    readonly isAutomation: boolean;
  };
  readonly items: readonly DeployItem[];
  readonly order: DeployOrder;
  /** Services named with `--only`; null = all. */
  readonly only: readonly string[] | null;
  /** Wave named with `--from-wave`; null = the first. */
  readonly fromWave: number | null;
  /** Judged by the policy of this environment. */
  readonly signOffs: SignOffResult;
  readonly policy: SignOffPolicy;
  readonly eligible: EligiblePeople;
  readonly lock: {
    readonly by: string;
    readonly reason: string;
    readonly since: Date;
    readonly until: Date | null;
  } | null;
  readonly hold: { readonly by: string; readonly reason: string; readonly since: Date } | null;
  readonly activeDeployment: {
    readonly number: number;
    readonly by: string;
    readonly since: Date;
    /** E.g. `wave 2 of 3, 4 of 9 services done`. */
    readonly progress: string;
  } | null;
  /** Repositories that could not be compared when the release was made or refreshed. */
  readonly uncompared: readonly { readonly repository: string; readonly reason: string }[];
}

export type RequirementOutcome =
  /** `notes` are worth saying although nothing is in the way. */
  | { readonly state: "met"; readonly notes: readonly string[] }
  /** At least one. */
  | { readonly state: "unmet"; readonly refusals: readonly Refusal[] }
  | { readonly state: "not_applicable"; readonly why: string };

/** One gate before a deploy. */
export interface Requirement<F> {
  /** Its file name. */
  readonly id: string;
  /** What it wants, as a person would say it. */
  readonly title: string;
  check(facts: F): RequirementOutcome;
}

/** One gate with its answer, for `why`, `plan` and the dashboard. */
export interface RequirementAnswer {
  readonly requirement: string;
  readonly title: string;
  readonly outcome: RequirementOutcome;
}

/** Nothing is in the way. */
export function met(...notes: readonly string[]): RequirementOutcome {
  return { state: "met", notes };
}

/** In the way when there is at least one refusal, else met. */
export function metUnless(
  refusals: readonly Refusal[],
  notes: readonly string[] = [],
): RequirementOutcome {
  return refusals.length > 0 ? { state: "unmet", refusals } : { state: "met", notes };
}

/** The gate has nothing to look at here. */
export function notApplicable(why: string): RequirementOutcome {
  return { state: "not_applicable", why };
}

/** Items this deploy brings: not excluded, and named by `--only` and `--from-wave` where those are given. */
export function selectedItems(facts: DeployFacts): readonly DeployItem[] {
  const included = facts.items.filter((item) => !item.isExcluded);
  if (facts.order.cycle !== null) {
    const { only } = facts;
    return included.filter((item) => only === null || only.includes(item.service));
  }
  const services = new Set(wavesFor(facts.order.waves, facts).flatMap((wave) => wave.services));
  return included.filter((item) => services.has(item.service));
}

/** Items of the release that the environment does not run yet: what signatures and branches still matter for. */
export function outstandingItems(facts: DeployFacts): readonly DeployItem[] {
  return facts.items.filter((item) => !item.isExcluded && !item.isDeployedHere);
}

/** `2026-11-21 18:00 UTC`: the same for everybody, wherever they read it. */
export function timeText(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
