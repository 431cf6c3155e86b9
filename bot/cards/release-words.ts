import type { ReleaseSummary, ReleaseView } from "../../shared/contract/release.ts";
import { joinWords, pluralise } from "../../shared/lib/text.ts";
import { list } from "../chat/card-builders.ts";
import { escapeMarkdown, plain, sentence } from "../chat/markdown.ts";
import { peopleNames, personName, quoteWord, roleLabel, unmetLines } from "./wording.ts";

/** `uat → master`, `preprod → prod`. */
export function releaseRoute(
  release: Pick<
    ReleaseSummary,
    "sourceBranch" | "destinationBranch" | "fromEnvironment" | "targetEnvironment"
  >,
): string {
  const from = release.sourceBranch ?? release.fromEnvironment;
  const to = release.destinationBranch ?? release.targetEnvironment;
  return `${plain(from ?? "this version", 80)} → ${plain(to ?? "anywhere", 80)}`;
}

/** `4 services, 17 commits`. */
export function releaseSize({
  kind,
  itemCount,
  commitCount,
}: Pick<ReleaseSummary, "kind" | "itemCount" | "commitCount">): string {
  const services = pluralise(itemCount, "service");
  // A promotion takes versions, not commits.
  return kind === "branch" ? `${services}, ${pluralise(commitCount, "commit")}` : services;
}

/** How many repositories the release touches; a monorepo counts once. */
export function repositoryCount(release: ReleaseView): number {
  return new Set(release.items.filter((item) => !item.excluded).map((item) => item.repository))
    .size;
}

/** Whether something can still happen to the release. */
export function isOpen(release: Pick<ReleaseSummary, "status">): boolean {
  return !["deployed", "cancelled"].includes(release.status);
}

/** For each role, who signed and who still could, as a label and plain text. */
export function signOffFields(release: ReleaseView): readonly (readonly [string, string])[] {
  return release.progress.map(({ role, needed, have, signedBy, eligible }) => {
    const signed = signedBy.length > 0 ? `signed by ${signers(release, role)}` : "not signed yet";
    const missing = needed - have;
    const others = missing > 0 ? canSign(eligible.length, peopleNames(eligible)) : "";
    return [`${roleLabel(role)} ${have}/${needed}`, `${signed}${others}`] as const;
  });
}

/** Sign-offs that stopped counting, and why, as markdown sentences, while they can still be given again. */
export function staleSentences(release: ReleaseView): readonly string[] {
  if (release.status !== "pending") {
    return [];
  }
  const counting = new Set(
    release.signOffs
      .filter(({ state }) => state === "counts")
      .map(({ role, person }) => `${role}/${person.subject}`),
  );
  return release.signOffs
    .filter(
      ({ state, role, person }) => state === "stale" && !counting.has(`${role}/${person.subject}`),
    )
    .map(({ role, person, changesSince }) => {
      const what =
        changesSince.length > 0 ? joinWords(changesSince.slice(0, 6)) : "the content changed";
      return sentence(
        `${personName(person)}'s sign-off as ${role} no longer counts: ${what} since then. Please look again.`,
      );
    });
}

/** Everything a person should know before they sign, as markdown sentences. */
export function releaseWarnings(release: ReleaseView): readonly string[] {
  const included = release.items.filter((item) => !item.excluded);
  const breaking = included.filter((item) => item.breaking).map((item) => item.service);
  const migrating = included.filter((item) => item.migrations.length > 0);
  const failing = included.filter((item) => item.ci?.state === "failure");
  return [
    breaking.length > 0 && `**Breaking changes** in ${names(breaking)}.`,
    migrating.length > 0 && `**Migrations** in ${names(migrating.map(({ service }) => service))}.`,
    failing.length > 0 && `**CI fails** for ${names(failing.map(({ service }) => service))}.`,
    release.order.cycle &&
      `**The deploy order goes in a circle**: ${escapeMarkdown(release.order.cycle.join(" → "), 500)}. Nothing can be deployed like this.`,
    ...release.order.warnings.map((warning) => sentence(warning)),
    ...release.problems.map(
      ({ repository, reason, remedy }) =>
        `**Not compared**: ${escapeMarkdown(repository)}. ${sentence(reason)} ${sentence(remedy)}`,
    ),
    release.unsatisfiable !== null &&
      `**Nobody can complete the sign-off**: ${sentence(release.unsatisfiable)}`,
  ].filter((line): line is string => typeof line === "string");
}

/** Why a release that everybody needed has signed cannot be deployed now, as markdown. Nothing when it can. */
export function deployObstacles(release: ReleaseView): readonly string[] {
  const unmet = release.status === "approved" ? unmetLines(release.requirements) : [];
  return unmet.length === 0 ? [] : ["**Cannot be deployed right now**", ...unmet];
}

/** What somebody should do next, as markdown; undefined when nothing is left to do. */
export function nextStep(release: ReleaseView): string | undefined {
  const { number, status } = release;
  switch (status) {
    case "pending":
      return nextSignature(release);
    case "approved":
      return release.targetEnvironment === null
        ? `Next: \`deploy ${number} to <environment>\`.`
        : `Next: \`deploy ${number} to ${quoteWord(release.targetEnvironment)}\`.`;
    case "deploying": {
      const running = release.deployments[0];
      return running && `Next: watch it with \`deployment ${running.number}\`.`;
    }
    case "failed": {
      const failed = release.deployments[0];
      return failed
        ? `Next: see why with \`logs ${failed.number}\`, then \`retry ${failed.number}\`.`
        : `Next: \`why ${number}\`.`;
    }
    case "rolled_back":
      return `Next: fix it, then \`refresh ${number}\`.`;
    case "rejected":
      return `Next: fix it and \`refresh ${number}\`, or have an administrator say \`lift ${number}\`.`;
    case "deployed":
    case "cancelled":
      return undefined;
  }
}

function nextSignature(release: ReleaseView): string {
  const { number } = release;
  const cyclic = release.order.cycle?.[0];
  if (cyclic !== undefined) {
    return `Next: break the circle, for example with \`depends ${number} ${quoteWord(cyclic)} on nothing\`.`;
  }
  const missing = release.progress.filter(({ have, needed }) => have < needed);
  if (missing.length === 0) {
    return `Next: \`why ${number}\`.`;
  }
  const commands = missing.map(({ role }) => `\`approve ${number} as ${quoteWord(role)}\``);
  return `Next: ${joinWords(commands)}.`;
}

function signers(release: ReleaseView, role: string): string {
  return release.signOffs
    .filter((signOff) => signOff.role === role && signOff.state === "counts")
    .map(({ person, byAuthor }) => personName(person) + (byAuthor ? " (wrote some of it)" : ""))
    .join(", ");
}

function canSign(count: number, who: string): string {
  return count === 0 ? "; nobody can sign" : `; can sign: ${who}`;
}

function names(services: readonly string[]): string {
  return escapeMarkdown(list(services), 500);
}
