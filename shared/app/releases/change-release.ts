import { DeploymentRow } from "../../db/rows/deployment.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import type { AppError } from "../../errors/app-error.ts";
import { ReleaseBusy, ReleaseChanged, ReleaseClosed } from "../../errors/catalog.ts";
import { isClosed } from "../../core/release.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { findRelease } from "./release-rows.ts";

/** Statuses of a deployment that holds its environment. */
const ACTIVE = ["queued", "running", "verifying", "paused", "aborting"] as const;

/** Attempts before giving up on a release that others keep changing; one is enough wherever rows can be locked. */
const ATTEMPTS = 5;

/**
 * Announces that the release is going to be changed; call it before the first write and not when nothing changes. Grows the
 * version, and undoes the whole transaction when somebody else changed the release since it was read.
 */
export type Claim = () => Promise<void>;

/**
 * Changes one release in one transaction, working on what is stored at that moment. The change is kept only if nobody else
 * changed the release in between; then it is tried again, unless the caller named the `version` they had seen.
 *
 * @throws ReleaseNotFound, ReleaseChanged
 */
export async function changeRelease<T>(
  deps: Pick<ReleaseDeps, "uow">,
  number: number,
  work: (tx: Tx, row: ReleaseRow, claim: Claim) => Promise<T>,
  version?: number,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await deps.uow.run(async (tx) => {
        const row = await findRelease(number, tx);
        if (version !== undefined && row.version !== version) {
          throw new ReleaseChanged({ number });
        }
        return work(tx, row, () => claimRelease(tx, row));
      });
    } catch (error) {
      if (!(error instanceof LostRace)) {
        throw error;
      }
      if (version !== undefined || attempt === ATTEMPTS) {
        throw new ReleaseChanged({ number }, { cause: error });
      }
    }
  }
}

/** The number of the deployment that brings this release somewhere right now; null when there is none. */
export async function activeDeploymentOf(
  release: Pick<ReleaseRow, "id">,
  tx?: Tx,
): Promise<number | null> {
  const row = await DeploymentRow.findOne({
    attributes: ["number"],
    where: { releaseId: release.id, status: [...ACTIVE] },
    order: [["number", "DESC"]],
    transaction: tx?.sequelize ?? null,
  });
  return row?.number ?? null;
}

/** Why the content of a release cannot be changed; null when it can. `action` is a participle: `refreshed`. */
export function contentObstacle(
  release: Pick<ReleaseRow, "number" | "status">,
  activeDeployment: number | null,
  action: string,
): AppError | null {
  const { number, status } = release;
  if (isClosed(status)) {
    return new ReleaseClosed({ number, status, action });
  }
  return activeDeployment === null
    ? null
    : new ReleaseBusy({ number, deployment: activeDeployment, action });
}

/** Rolls the transaction back; never seen outside. */
class LostRace extends Error {}

async function claimRelease(tx: Tx, row: ReleaseRow): Promise<void> {
  const next = row.version + 1;
  const [changed] = await ReleaseRow.update(
    { version: next },
    { where: { id: row.id, version: row.version }, transaction: tx.sequelize },
  );
  if (changed !== 1) {
    throw new LostRace("the release was changed by somebody else");
  }
  row.version = next;
  row.changed("version", false);
}
