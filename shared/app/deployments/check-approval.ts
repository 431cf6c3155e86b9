import type { Transaction } from "sequelize";
import type { DeploymentRow } from "../../db/rows/deployment.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { no, yes, type Verdict } from "../../core/verdict.ts";
import { joinWords } from "../../lib/text.ts";
import { findEnvironment, type EnvironmentSettings } from "../environments/environment-settings.ts";
import { loadPeople } from "../people/person-refs.ts";
import { deployPolicy, judge, loadRelease, peopleOf } from "../releases/release-rows.ts";
import { rejectionOf } from "../releases/standing-rejection.ts";

/**
 * Whether a deployment that is under way may start its next wave: what it brings must still be signed and not rejected. Read
 * in the transaction that starts the wave. Rollbacks and baselines need no signature.
 */
export async function checkApproval(
  deployment: Pick<DeploymentRow, "kind" | "releaseId" | "fingerprint" | "environment">,
  environments: readonly EnvironmentSettings[],
  transaction: Transaction,
): Promise<Verdict> {
  if (deployment.kind === "rollback" || deployment.releaseId === null) {
    return yes;
  }
  const release = await ReleaseRow.findByPk(deployment.releaseId, {
    transaction,
    lock: transaction.LOCK.UPDATE,
  });
  if (!release || release.closedAt !== null) {
    return no("release.closed", "The release was closed.", "Create a new release.");
  }
  const { number } = release;
  if (release.fingerprint !== deployment.fingerprint) {
    return no(
      "content.changed",
      `The content of release #${number} changed while it was being deployed.`,
      `Have release #${number} signed again, then deploy it.`,
    );
  }
  const loaded = await loadRelease(release, { transaction });
  const rejection = await rejectionOf(release, transaction);
  const people = await loadPeople([...peopleOf(loaded), rejection?.subject], transaction);
  if (rejection) {
    return no(
      "release.rejected",
      `${people.of(rejection.subject).name} rejected it: ${rejection.reason}`,
      `Release other commits, or say \`lift ${rejection.release}\`.`,
    );
  }
  const environment = findEnvironment(environments, deployment.environment);
  const judged = judge(loaded, deployPolicy(release, environment), people);
  if (judged.isApproved || judged.roles.length === 0) {
    return yes;
  }
  const missing = judged.roles.filter((role) => role.missing > 0).map((role) => role.role);
  return no(
    "sign_off.missing",
    missing.length > 0
      ? `Release #${number} is no longer signed as ${joinWords(missing)}.`
      : `The signatures of release #${number} are no longer enough.`,
    `Say \`who ${number}\` to see who can sign, then deploy again.`,
  );
}
