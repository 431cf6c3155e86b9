import type { ReleaseView } from "../../shared/contract/release.ts";
import { joinWords } from "../../shared/lib/text.ts";
import type { Card } from "../chat/card.ts";
import { actions, button, card, link, note, text } from "../chat/card-builders.ts";
import { escapeMarkdown } from "../chat/markdown.ts";
import { showRelease } from "./action-refs.ts";
import { isOpen, nextStep, releaseRoute } from "./release-words.ts";
import { releaseStatusWords, requirementName, unmetLines } from "./wording.ts";

/** Every gate before the deploy: those in the way with reason and remedy, and those that are passed. */
export function whyCard(release: ReleaseView): Card {
  const { number, requirements, status } = release;
  const unmet = unmetLines(requirements);
  const met = requirements
    .filter((requirement) => requirement.met)
    .map(({ id }) => requirementName(id));
  const name = `release #${number} (${releaseRoute(release)})`;
  return card(
    unmet.length === 0
      ? `Nothing stands in the way of ${name}`
      : `Why ${name} cannot be deployed now`,
    unmet.length === 0 ? "success" : "warning",
    !isOpen(release) && text(`It is ${escapeMarkdown(releaseStatusWords[status])}.`),
    text(...unmet),
    met.length > 0 && text(`Met: ${escapeMarkdown(joinWords(met), 1_000)}.`),
    note(nextStep(release)),
    actions(
      button("Show release", showRelease.call({ release: number })),
      link("Open dashboard", release.url),
    ),
  );
}
