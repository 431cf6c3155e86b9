import { systemActor } from "../../core/actor.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import type { Logger } from "../../lib/logger.ts";
import type { RefreshQueue } from "./refresh-queue.ts";

/** How often open releases are read again without being asked. */
export const REFRESH_EVERY_MS = 5 * 60_000;

/** Statuses of releases whose content may still change. */
export const REFRESHED_STATUSES = [
  "pending",
  "approved",
  "rejected",
  "failed",
  "rolled_back",
] as const;

/**
 * Reads every open release again, one after the other, and writes only where something changed. One that cannot be read is
 * logged and does not hold up the others. Answers how many changed.
 */
export async function refreshOpenReleases(
  { queue, logger }: { readonly queue: RefreshQueue; readonly logger: Logger },
  signal: AbortSignal,
): Promise<number> {
  const open = await ReleaseRow.findAll({
    attributes: ["number"],
    where: { status: [...REFRESHED_STATUSES] },
    order: [["number", "DESC"]],
  });
  let changed = 0;
  for (const { number } of open) {
    if (signal.aborted) {
      break;
    }
    try {
      changed += (await queue.run(number, { actor: systemActor, mode: "scheduled" })) ? 1 : 0;
    } catch (error) {
      logger.warn({ err: error, release: number }, "refreshing a release on schedule");
    }
  }
  return changed;
}
