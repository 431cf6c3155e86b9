import type { ReleaseView } from "../../shared/contract/release.ts";
import type { Card } from "../chat/card.ts";
import { actions, button, card, fields, link, note, text } from "../chat/card-builders.ts";
import { readySubject } from "../chat/live-card.ts";
import { code, sentence } from "../chat/markdown.ts";
import type { LiveCard } from "../chat/live-card.ts";
import { requestDeployment, showRelease } from "./action-refs.ts";
import { orderLines } from "./order-card.ts";
import {
  deployObstacles,
  nextStep,
  releaseRoute,
  releaseSize,
  releaseWarnings,
  repositoryCount,
  signOffFields,
} from "./release-words.ts";
import { releaseStatusWords, releaseTones } from "./wording.ts";

/** The words people look for in the announcement channel. */
const READY = "Release Ready to Deploy";

/** The announcement that everybody needed has signed. Once that is no longer so, it says what became of it. */
export function readyCard(release: ReleaseView, why: string | null): Card {
  return release.status === "approved" ? stillReady(release) : over(release, why);
}

/**
 * The live announcement. `why` is the reason approval was lost, kept with the message so that later edits do not forget it.
 */
export function readyLive(release: ReleaseView, why: string | null): LiveCard {
  const isReady = release.status === "approved";
  return {
    subject: readySubject(release.number),
    shown: { fingerprint: release.fingerprint, isReady, why: isReady ? null : why },
    card: readyCard(release, why),
  };
}

function stillReady(release: ReleaseView): Card {
  const { number, fingerprint, targetEnvironment } = release;
  const obstacles = deployObstacles(release);
  return card(
    READY,
    obstacles.length === 0 ? "success" : "warning",
    text(`**Release #${number}**: ${code(releaseRoute(release))}`),
    fields([
      ["Repositories", String(repositoryCount(release))],
      ["Content", releaseSize(release)],
      ["Target", targetEnvironment],
      ...signOffFields(release),
    ]),
    text(...releaseWarnings(release)),
    text(...orderLines(release.order)),
    text(...obstacles),
    note(obstacles.length === 0 ? nextStep(release) : undefined),
    actions(
      targetEnvironment === null || obstacles.length > 0
        ? undefined
        : button(
            "Deploy",
            requestDeployment.call({
              release: number,
              environment: targetEnvironment,
              fingerprint,
            }),
            "primary",
          ),
      button("Show release", showRelease.call({ release: number })),
      link("Open dashboard", release.url),
    ),
  );
}

/** The announcement after the fact: lost, or on its way. */
function over(release: ReleaseView, why: string | null): Card {
  const { number, status, rejection } = release;
  const lost = status === "pending" || status === "rejected";
  const because = why ?? (rejection ? `It was rejected: ${rejection.reason}` : null);
  return card(
    lost
      ? `Release #${number} is no longer ready to deploy`
      : `${READY} (#${number} is ${releaseStatusWords[status]} now)`,
    lost ? "warning" : releaseTones[status],
    text(`**Release #${number}**: ${code(releaseRoute(release))}`),
    lost && text(because === null ? "Its approval was lost." : `**Why**: ${sentence(because)}`),
    fields(signOffFields(release)),
    note(nextStep(release)),
    actions(
      button("Show release", showRelease.call({ release: number })),
      link("Open dashboard", release.url),
    ),
  );
}
