import type { PersonRef, RequirementView } from "../../shared/contract/common.ts";
import type { ReleaseStatus } from "../../shared/contract/release.ts";
import type { Tone } from "../chat/card.ts";
import { plain, reasonLine } from "../chat/markdown.ts";

/** `dev` is a Dev, `qa` a QA, `product-owner` a Product owner. */
export function roleLabel(role: string): string {
  const words = plain(role, 60).replace(/[-_]+/g, " ");
  return words.length <= 2 ? words.toUpperCase() : words.charAt(0).toUpperCase() + words.slice(1);
}

/** People by name, as plain text. */
export function peopleNames(people: readonly PersonRef[], limit = 6): string {
  const names = people.slice(0, limit).map(({ name, username }) => plain(name || username, 80));
  const hidden = people.length - names.length;
  return hidden > 0 ? `${names.join(", ")} and ${hidden} more` : names.join(", ");
}

export function personName({ name, username }: PersonRef): string {
  return plain(name || username, 80);
}

/** The first letters of a commit, as people compare them. */
export function shortSha(sha: string | null): string {
  return sha === null ? "none" : plain(sha, 80).slice(0, 8);
}

/** A version as people know it: a tag as it is, a commit by its first letters. */
export function versionWords(version: string | null, commit: string | null): string {
  const shown = version ?? commit;
  if (shown === null) {
    return "none";
  }
  return /^[0-9a-f]{40,64}$/i.test(shown) ? shown.slice(0, 8) : plain(shown, 60);
}

/** `2026-11-25 12:00 UTC`: the same for everybody who reads the card, wherever they are. */
export function timeWords(iso: string | null): string | null {
  return iso === null ? null : `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}

/** A word of a command, quoted when it would otherwise be read as several. */
export function quoteWord(word: string): string {
  const shown = plain(word, 200);
  return /^[^\s"'`,“”„‘«-][^\s"`,]*$/.test(shown) ? shown : `"${shown.replace(/["\\]/g, "\\$&")}"`;
}

/** What a person can do about each unmet requirement, one line each, as markdown. */
export function unmetLines(requirements: readonly RequirementView[]): readonly string[] {
  return requirements
    .filter((requirement) => !requirement.met)
    .map(({ code, reason, remedy, url }) =>
      reasonLine(reason ?? requirementName(code), remedy ?? "", url),
    );
}

/** `signed-off` or `sign_off.missing` in words. */
export function requirementName(id: string): string {
  return plain(id, 80).replace(/[-_.]+/g, " ");
}

/** Sentences about a release's status, so that nobody has to know the states by heart. */
export const releaseStatusWords: Readonly<Record<ReleaseStatus, string>> = {
  pending: "waiting for sign-off",
  approved: "approved, ready to deploy",
  deploying: "being deployed",
  deployed: "deployed",
  failed: "not deployed: the deployment failed",
  rolled_back: "rolled back",
  rejected: "rejected",
  cancelled: "closed without deploying",
};

export const releaseTones: Readonly<Record<ReleaseStatus, Tone>> = {
  pending: "info",
  approved: "success",
  deploying: "info",
  deployed: "success",
  failed: "danger",
  rolled_back: "warning",
  rejected: "danger",
  cancelled: "neutral",
};
