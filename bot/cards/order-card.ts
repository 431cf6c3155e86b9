import type { DeployOrderView, ReleaseView } from "../../shared/contract/release.ts";
import type { Card } from "../chat/card.ts";
import { card, link, list, note, text, actions } from "../chat/card-builders.ts";
import { escapeMarkdown, sentence } from "../chat/markdown.ts";
import { nextStep, releaseRoute } from "./release-words.ts";

/** Longer orders are cut here; the dashboard draws all of it. */
const WAVES = 12;

/** In which order a release goes out. */
export function orderCard(release: ReleaseView): Card {
  const { order } = release;
  return card(
    `Deploy order of release #${release.number}: ${releaseRoute(release)}`,
    order.cycle ? "danger" : "info",
    order.cycle
      ? text(
          `**The order goes in a circle**: ${escapeMarkdown(order.cycle.join(" → "), 500)}.`,
          "Nothing can be deployed until one of these dependencies is gone.",
        )
      : text(...orderLines(order), order.waves.length === 0 && "There is nothing to deploy."),
    text(...order.warnings.map((warning) => `**Mind**: ${sentence(warning)}`)),
    text(...order.notes.map((remark) => sentence(remark))),
    note(nextStep(release)),
    actions(link("Open dashboard", release.url)),
  );
}

/** `Wave 1: auth-service, user-service`, one line each, as markdown. */
export function orderLines(order: DeployOrderView): readonly string[] {
  if (order.waves.length === 0) {
    return [];
  }
  const lines = order.waves
    .slice(0, WAVES)
    .map((services, index) => `Wave ${index + 1}: ${escapeMarkdown(list(services, 20), 1_000)}`);
  const hidden = order.waves.length - lines.length;
  return ["**Deploy order**", ...lines, ...(hidden > 0 ? [`… and ${hidden} more waves`] : [])];
}
