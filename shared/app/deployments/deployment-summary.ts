import type { DeploymentStatus, Stage } from "../../contract/deployment.ts";
import { joinWords } from "../../lib/text.ts";

/** What became of one service. */
export interface ServiceOutcome {
  readonly service: string;
  /** A stage of it began. */
  readonly wasTouched: boolean;
  /** The target carries the version the deployment brings; null when nobody could tell. */
  readonly isCarried: boolean | null;
}

export interface SummaryFacts {
  readonly kind: "deploy" | "rollback";
  readonly status: DeploymentStatus;
  readonly environment: string;
  readonly services: readonly ServiceOutcome[];
  /** Steps that failed, in the order they ran. */
  readonly failures: readonly {
    readonly wave: number;
    readonly service: string;
    readonly stage: Stage;
    readonly outcome: string;
  }[];
  /** Why it was stopped, in a sentence; null unless somebody or something stopped it. */
  readonly stopped: string | null;
  /** Why the target could not be asked at the end; null when it could. */
  readonly unreachable: string | null;
}

const NAMES_SHOWN = 20;

const FAILED_TO: Readonly<Record<Stage, string>> = {
  merge: "could not be merged",
  migrate: "could not be migrated",
  deploy: "could not be deployed",
  verify: "did not pass its checks",
  land: "was not landed",
};

/** What happened, and exactly which services carry the new version, in a few sentences. */
export function deploymentSummary(facts: SummaryFacts): string {
  const landing = facts.failures.filter((failure) => failure.stage === "land");
  const failures = facts.failures.filter((failure) => failure.stage !== "land");
  return [
    facts.stopped ?? "",
    ...(facts.status === "aborted" ? [] : failures.map(failureWords)),
    facts.services.length === 0 ? "" : carriedWords(facts),
    ...(facts.services.length === 0 && landing.length === 0 ? ["Landed."] : []),
    ...landing.map(failureWords),
  ]
    .filter((sentence) => sentence !== "")
    .join(" ");
}

function failureWords({ wave, service, stage, outcome }: SummaryFacts["failures"][number]): string {
  const where = stage === "land" ? "" : `Wave ${wave}: `;
  return `${where}${service} ${FAILED_TO[stage]}. ${outcome}`;
}

function carriedWords(facts: SummaryFacts): string {
  const { environment, services, unreachable } = facts;
  const version = facts.kind === "rollback" ? "the earlier version" : "the new version";
  const carrying = services.filter((service) => service.isCarried === true);
  const untouched = services.filter((service) => !service.wasTouched);
  const unknown = services.filter((service) => service.wasTouched && service.isCarried === null);
  const others = services.filter((service) => service.wasTouched && service.isCarried === false);
  const sentences: string[] = [];
  if (unreachable !== null && unknown.length > 0) {
    sentences.push(
      `What ${names(unknown)} ${verb(unknown, "runs", "run")} now is not known: ${unreachable}`,
    );
  }
  if (carrying.length > 0) {
    sentences.push(
      `${names(carrying)} ${verb(carrying, "runs", "run")} ${version} in ${environment}.`,
    );
  } else if (unknown.length === 0) {
    sentences.push(`No service in ${environment} runs ${version}.`);
  }
  if (others.length > 0) {
    sentences.push(`${names(others)} ${verb(others, "does", "do")} not run it.`);
  }
  if (untouched.length > 0) {
    sentences.push(`${names(untouched)} ${verb(untouched, "was", "were")} not touched.`);
  }
  return sentences.join(" ");
}

function names(services: readonly ServiceOutcome[]): string {
  const shown = services.slice(0, NAMES_SHOWN).map(({ service }) => service);
  const more = services.length - shown.length;
  return joinWords(more > 0 ? [...shown, `${more} more`] : shown);
}

function verb(services: readonly ServiceOutcome[], one: string, many: string): string {
  return services.length === 1 ? one : many;
}
