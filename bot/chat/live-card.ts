import type { Card } from "./card.ts";
import type { Answer } from "./command.ts";

/** What the live message about a subject shows. */
export interface LiveCard {
  /** One of the names below. */
  readonly subject: string;
  /** Remembered with the message, e.g. the fingerprint people see. */
  readonly shown: Readonly<Record<string, unknown>>;
  readonly card: Card;
}

/** The live card as the answer to a command: the router shows it where it was asked for. */
export function toAnswer({ subject, shown, card }: LiveCard): Answer {
  return { card, live: { subject, shown } };
}

/** The release card: what a typed approve refers to. */
export function releaseSubject(release: number): string {
  return `release/${release}`;
}

/** The announcement that a release may go out. */
export function readySubject(release: number): string {
  return `release/${release}/ready`;
}

export function deploymentSubject(deployment: number): string {
  return `deployment/${deployment}`;
}

/** The call to act on a deployment that did not go well. */
export function outcomeSubject(deployment: number): string {
  return `deployment/${deployment}/outcome`;
}

/** Whether one may deploy to an environment. */
export function environmentSubject(environment: string): string {
  return `environment/${environment}`;
}

/** What the thing is called whatever becomes of it: `Release #12`, `Environment prod`. */
export function subjectName(subject: string): string {
  const [, kind = subject, number, name = ""] =
    /^([a-z]+)\/(?:(\d+)(?:\/.*)?|(.+))$/.exec(subject) ?? [];
  const called = number === undefined ? name : `#${number}`;
  return `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${called}`.trimEnd();
}
