import { isSameVersion } from "../../core/deployment.ts";
import type { ObservedState } from "../../core/ports/deploy-target.ts";
import { no, type Refusal } from "../../core/verdict.ts";
import { runningVersion } from "../environments/ask-target.ts";
import type { LoadedRelease } from "../releases/release-rows.ts";

/**
 * Whether an environment still runs what a promotion was compared with: people signed a step from one version to another,
 * not just the other version. What the promotion itself brought already is fine.
 */
export function promotionRefusals(
  { row, items }: LoadedRelease,
  environment: string,
  running: ReadonlyMap<string, ObservedState>,
): readonly Refusal[] {
  if (row.kind !== "promotion" || row.targetEnvironment !== environment) {
    return [];
  }
  return items
    .filter((item) => !item.excluded)
    .flatMap((item) => {
      const now = runningVersion(running.get(item.service));
      const wanted = { version: item.toVersion, commit: item.headSha, digest: item.digest };
      const before = { version: item.fromVersion, commit: item.baseSha, digest: null };
      const isAsCompared = now === null ? item.fromVersion === null : isSameVersion(now, before);
      return isAsCompared || (now !== null && isSameVersion(now, wanted))
        ? []
        : [
            no(
              "promotion.stale",
              `${item.service} in ${environment} runs ${now?.version ?? "nothing"}, but ran ${item.fromVersion ?? "nothing"} when release #${row.number} was made.`,
              `Say \`close ${row.number} -m "…"\`, then \`promote ${row.fromEnvironment ?? "…"} to ${environment}\` again.`,
            ),
          ];
    });
}
