import { UniqueConstraintError } from "sequelize";
import type { Actor } from "../../core/actor.ts";
import { checkSignOff, type SignOffAnswer } from "../../core/sign-off.ts";
import type { ReleaseRow } from "../../db/rows/release.ts";
import { SignOffRow } from "../../db/rows/sign-off.ts";
import {
  PermissionDenied,
  RoleUnknown,
  SignOffOutdated,
  SignOffRefused,
} from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import { recordDenial, requireToChange } from "../access.ts";
import { loadPeople, type People } from "../people/person-refs.ts";
import { changeRelease } from "./change-release.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import {
  aboutRelease,
  findRelease,
  loadRelease,
  peopleOf,
  policyOf,
  signedContent,
  signOffFacts,
  type LoadedRelease,
} from "./release-rows.ts";
import { settleRelease } from "./settle-release.ts";
import { rolesFor, signOffScope } from "./sign-off-rights.ts";
import { rejectionOf } from "./standing-rejection.ts";

export interface SignOffInput {
  readonly role: string;
  /** The content the person saw; left out: what is stored now. */
  readonly fingerprint?: string | undefined;
}

/**
 * Signs the content of a release in one role. Signing twice is no error and makes one signature, however many clicks arrive
 * at once. Nothing is signed that the person did not see, and full approval comes about in the same transaction.
 *
 * @throws ReleaseNotFound, PermissionDenied, RoleUnknown, SignOffOutdated, SignOffRefused
 */
export async function signOffRelease(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  { role, fingerprint }: SignOffInput,
): Promise<void> {
  const row = await findRelease(number);
  const about = aboutRelease(row);
  const environment = row.targetEnvironment ?? null;
  await requireToChange(deps.uow, actor, "release.sign_off", { environment }, about);
  const policy = policyOf(deps, row);
  const roles = Object.keys(policy.roles);
  if (!roles.includes(role)) {
    throw new RoleUnknown({ role, known: roles });
  }
  requireSeen(row, fingerprint);

  const loaded = await loadRelease(row);
  const scope = await signOffScope(row, loaded.items);
  const eligible = await deps.eligiblePeople(roles, scope);
  const people = await loadPeople([...peopleOf(loaded), actor.subject]);
  const request = { role, actor, actorRoles: rolesFor(actor, roles, scope), eligible };
  const answer = check(loaded, people, (await rejectionOf(row)) !== null);
  if (!answer.ok && answer.code === "role.missing") {
    await recordDenial(deps.uow, actor, "release.sign_off", answer.reason, about);
    const { reason, remedy } = answer;
    throw new PermissionDenied({ permission: "release.sign_off", reason }, { remedy });
  }
  if (!isSigned(answer)) {
    await sign();
  }

  function check(of: LoadedRelease, known: People, isRejected: boolean): SignOffAnswer {
    return checkSignOff(signOffFacts(of, policy, known), {
      ...request,
      release: { number, status: of.row.status, isRejected },
    });
  }

  async function sign(): Promise<void> {
    try {
      await changeRelease(deps, number, async (tx, current, claim) => {
        requireSeen(current, fingerprint ?? row.fingerprint);
        const transaction = tx.sequelize;
        const now = await loadRelease(current, { transaction });
        const isRejected = (await rejectionOf(current, transaction)) !== null;
        if (isSigned(check(now, people, isRejected))) {
          return;
        }
        await claim();
        const byAuthor = isAuthor(actor, now);
        await SignOffRow.create(
          {
            id: newId(),
            releaseId: current.id,
            role,
            subject: actor.subject,
            fingerprint: current.fingerprint,
            content: signedContent(now.items),
            byAuthor,
            platform: actor.via.platform,
            signedAt: deps.clock.now(),
            activeKey: activeKey(current, role, actor.subject),
          },
          { transaction },
        );
        await tx.emit({
          name: "release.signed_off",
          payload: { number, role, fingerprint: current.fingerprint, byAuthor },
          actor,
          subject: about,
        });
        await settleRelease(deps, tx, current.id, {
          actor,
          why: `${actor.name} signed as ${role}.`,
        });
      });
    } catch (error) {
      // The same signature arrived through another process at the same moment: it is there, which is what was asked for.
      if (!(error instanceof UniqueConstraintError)) {
        throw error;
      }
    }
  }
}

/** One signature per release, role, person and content: the unique index decides whose click it was. */
function activeKey(release: ReleaseRow, role: string, subject: string): string {
  return [release.id, role, subject, release.fingerprint].join("/");
}

/** Refuses to sign what the person did not see. */
function requireSeen(release: ReleaseRow, seen: string | undefined): void {
  if (seen !== undefined && seen !== release.fingerprint) {
    throw new SignOffOutdated({
      number: release.number,
      seen,
      current: release.fingerprint,
      changes: release.lastChanges,
    });
  }
}

/** Whether the signature is there already. Throws SignOffRefused. */
function isSigned(answer: SignOffAnswer): boolean {
  if (!answer.ok) {
    const { code, reason, remedy } = answer;
    throw new SignOffRefused({ reasons: [{ code, reason, remedy }] }, { remedy });
  }
  return answer.already !== null;
}

/** Whether the person wrote a commit that goes out: shown with the signature. */
function isAuthor(actor: Actor, { items }: LoadedRelease): boolean {
  const email = actor.email?.toLowerCase();
  return (
    email !== undefined &&
    items.some(
      (item) => !item.excluded && item.contributors.some((c) => c.email.toLowerCase() === email),
    )
  );
}
