import type { Actor } from "../../core/actor.ts";
import { isClosed } from "../../core/release.ts";
import { SignOffRow } from "../../db/rows/sign-off.ts";
import { InputInvalid, ReleaseClosed, SignOffNotFound } from "../../errors/catalog.ts";
import { joinWords } from "../../lib/text.ts";
import { requireToChange } from "../access.ts";
import { can } from "../policies.ts";
import { loadPeople, type People } from "../people/person-refs.ts";
import { changeRelease } from "./change-release.ts";
import type { ReleaseDeps } from "./release-deps.ts";
import { aboutRelease, findRelease } from "./release-rows.ts";
import { countingSignOffs, settleRelease } from "./settle-release.ts";

export interface RevokeInput {
  readonly role: string;
  /** Subject or username of somebody else, for administrators. */
  readonly of?: string | undefined;
}

/**
 * Takes a signature back: one's own, or, as an administrator and recorded as such, somebody else's. Everything the person
 * signed in that role goes. It works while a deployment runs, too, and is told to everybody then.
 *
 * @throws ReleaseNotFound, PermissionDenied, SignOffNotFound, InputInvalid, ReleaseClosed
 */
export async function revokeSignOff(
  deps: ReleaseDeps,
  actor: Actor,
  number: number,
  { role, of }: RevokeInput,
): Promise<void> {
  const release = await findRelease(number);
  const about = aboutRelease(release);
  const environment = release.targetEnvironment ?? undefined;
  const standing = await SignOffRow.findAll({
    where: { releaseId: release.id, role, revokedAt: null },
  });
  const people = await loadPeople(standing.map(({ subject }) => subject));
  const isOwn = isOwnMeant(actor, standing, people, of);
  await requireToChange(
    deps.uow,
    actor,
    isOwn ? "release.sign_off" : "release.revoke_any",
    { environment },
    about,
  );
  const signer = isOwn ? actor.subject : otherSigner(number, role, standing, people, of);

  await changeRelease(deps, number, async (tx, row, claim) => {
    if (isClosed(row.status)) {
      throw new ReleaseClosed({ number, status: row.status, action: "changed" });
    }
    const transaction = tx.sequelize;
    const where = { releaseId: row.id, role, subject: signer, revokedAt: null };
    if ((await SignOffRow.count({ where, transaction })) === 0) {
      throw new SignOffNotFound({ number, role });
    }
    const counting = await countingSignOffs(deps, tx, row);
    await claim();
    await SignOffRow.update(
      { revokedAt: deps.clock.now(), revokedBy: actor.subject, activeKey: null },
      { where, transaction },
    );
    await tx.emit({
      name: "release.sign_off_revoked",
      payload: { number, role, signer, byAdministrator: !isOwn },
      actor,
      subject: about,
      related: [{ kind: "person", id: signer }],
    });
    const whose = isOwn ? "their" : `${people.of(signer).name}'s`;
    await settleRelease(deps, tx, row.id, {
      actor,
      why: `${actor.name} revoked ${whose} sign-off as ${role}.`,
      countedBefore: counting,
    });
  });
}

/** Without a name, one's own signature is meant if there is one, or if nobody else's may be touched anyway. */
function isOwnMeant(
  actor: Actor,
  standing: readonly SignOffRow[],
  people: People,
  of: string | undefined,
): boolean {
  if (of !== undefined) {
    return of === actor.subject || of === actor.username || people.of(of).subject === actor.subject;
  }
  return (
    standing.some(({ subject }) => subject === actor.subject) ||
    !can(actor, "release.revoke_any").ok
  );
}

/** Whose signature an administrator means. */
function otherSigner(
  number: number,
  role: string,
  standing: readonly SignOffRow[],
  people: People,
  of: string | undefined,
): string {
  const signers = [...new Set(standing.map(({ subject }) => subject))];
  const meant = signers.filter(
    (subject) => of === undefined || subject === of || people.of(subject).username === of,
  );
  const [signer] = meant;
  if (signer === undefined) {
    throw new SignOffNotFound({ number, role });
  }
  if (meant.length > 1) {
    const names = meant.map((subject) => people.of(subject).username);
    throw new InputInvalid(
      { problems: [{ pointer: "/of", message: `say whose: ${joinWords(names, "or")}` }] },
      { remedy: "Name the person whose signature is to be revoked." },
    );
  }
  return signer;
}
