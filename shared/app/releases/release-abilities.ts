import type { Ability } from "../../contract/common.ts";
import type { ReleaseAbilities } from "../../contract/release.ts";
import type { Actor } from "../../core/actor.ts";
import type { ScmProvider } from "../../core/ports/scm.ts";
import { isClosed } from "../../core/release.ts";
import {
  checkSignOff,
  type EligiblePeople,
  type SignOffFacts,
  type SignOffPolicy,
} from "../../core/sign-off.ts";
import type { Refusal } from "../../core/verdict.ts";
import type { AppError } from "../../errors/app-error.ts";
import { EnvironmentMissing, ReleaseClosed, SignOffNotFound } from "../../errors/catalog.ts";
import { abilityOf, denial } from "../access.ts";
import type { Permission } from "../policies.ts";
import { contentObstacle } from "./change-release.ts";
import { closePermission } from "./close-release.ts";
import { editObstacle } from "./edit-release.ts";
import { liftObstacle } from "./lift-rejection.ts";
import { pullRequestObstacle } from "./open-pull-requests.ts";
import { abilityFrom } from "./present-release.ts";
import { rejectObstacle } from "./reject-release.ts";
import type { LoadedRelease } from "./release-rows.ts";
import { rolesFor, type SignOffScope } from "./sign-off-rights.ts";
import type { StandingRejection } from "./standing-rejection.ts";

export interface AbilityFacts {
  readonly loaded: LoadedRelease;
  readonly actor: Actor;
  readonly scms: readonly ScmProvider[];
  readonly activeDeployment: number | null;
  readonly rejection: StandingRejection | null;
  readonly policy: SignOffPolicy;
  readonly signOffs: SignOffFacts;
  readonly scope: SignOffScope;
  readonly eligible: EligiblePeople;
  /** What the gates have against a deploy to the target environment; null when there is no such environment. */
  readonly refusals: readonly Refusal[] | null;
}

/** What the actor may do with a release now, refused in the very words the use cases would use. */
export function releaseAbilities(facts: AbilityFacts): ReleaseAbilities {
  const { loaded, actor, activeDeployment, rejection, policy } = facts;
  const { row } = loaded;
  const environment = row.targetEnvironment ?? undefined;
  const roles = Object.keys(policy.roles);

  return {
    refresh: able("release.refresh", contentObstacle(row, activeDeployment, "refreshed")),
    edit: able("release.edit", editObstacle(row)),
    openPullRequests: able("release.edit", pullRequestObstacle(facts.scms, row, loaded.items)),
    exclude: able("release.edit", contentObstacle(row, activeDeployment, "changed")),
    depend: able("release.edit", contentObstacle(row, activeDeployment, "changed")),
    reject: able("release.reject", rejectObstacle(row)),
    lift: able("release.lift_rejection", liftObstacle(row, rejection)),
    close: able(closePermission(actor, row), contentObstacle(row, activeDeployment, "closed")),
    deploy: deployAbility(facts),
    signOff: Object.fromEntries(roles.map((role) => [role, signOffAbility(facts, role)])),
    revoke: Object.fromEntries(roles.map((role) => [role, revokeAbility(facts, role)])),
  };

  function able(permission: Permission, obstacle: AppError | null): Ability {
    return abilityOf(denial(actor, permission, { environment }) ?? obstacle);
  }
}

function deployAbility({ loaded, actor, refusals }: AbilityFacts): Ability {
  const { number, targetEnvironment } = loaded.row;
  const denied = denial(actor, "deployment.request", {
    environment: targetEnvironment ?? undefined,
  });
  if (denied) {
    return abilityOf(denied);
  }
  return refusals === null ? abilityOf(new EnvironmentMissing({ number })) : abilityFrom(refusals);
}

function signOffAbility(
  { loaded, actor, rejection, policy, signOffs, scope, eligible }: AbilityFacts,
  role: string,
): Ability {
  const { number, status, targetEnvironment } = loaded.row;
  const denied = denial(actor, "release.sign_off", { environment: targetEnvironment ?? null });
  if (denied) {
    return abilityOf(denied);
  }
  const answer = checkSignOff(signOffs, {
    release: { number, status, isRejected: rejection !== null },
    role,
    actor,
    actorRoles: rolesFor(actor, Object.keys(policy.roles), scope),
    eligible,
  });
  if (!answer.ok) {
    return abilityFrom([answer]);
  }
  return answer.already
    ? {
        allowed: false,
        reason: `You have signed this already as ${role}.`,
        remedy: `Say \`revoke ${number} as ${role}\` to take it back.`,
      }
    : { allowed: true, reason: null, remedy: null };
}

function revokeAbility({ loaded, actor }: AbilityFacts, role: string): Ability {
  const { row, signOffs } = loaded;
  const standing = signOffs.filter((one) => one.role === role && one.revokedAt === null);
  const isOwn = standing.some(({ subject }) => subject === actor.subject);
  const environment = row.targetEnvironment ?? undefined;
  const mayRevokeAny = denial(actor, "release.revoke_any", { environment }) === null;
  const { number, status } = row;
  if (isOwn || (mayRevokeAny && standing.length > 0)) {
    const denied = isOwn ? denial(actor, "release.sign_off", { environment }) : null;
    return abilityOf(
      denied ??
        (isClosed(status) ? new ReleaseClosed({ number, status, action: "changed" }) : null),
    );
  }
  return abilityOf(
    denial(actor, "release.sign_off", { environment }) ?? new SignOffNotFound({ number, role }),
  );
}
