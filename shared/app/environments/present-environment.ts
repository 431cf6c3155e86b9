import type { EnvironmentView, LockView, ServiceStateView } from "../../contract/environment.ts";
import type { Actor } from "../../core/actor.ts";
import { isSameVersion } from "../../core/deployment.ts";
import { no, yes, type Verdict } from "../../core/verdict.ts";
import type { LockRow } from "../../db/rows/lock.ts";
import type { ServiceStateRow } from "../../db/rows/service-state.ts";
import { ability } from "../ability.ts";
import { denial } from "../access.ts";
import type { People } from "../people/person-refs.ts";
import type { Observation } from "./ask-target.ts";
import type { EnvironmentSettings } from "./environment-settings.ts";

/** An environment as people see it, with what the asking person may do there. */
export function presentEnvironment(
  environment: EnvironmentSettings,
  facts: {
    readonly services: readonly ServiceStateView[];
    readonly unreachable: string | null;
    readonly lock: LockRow | undefined;
    readonly hold: LockRow | undefined;
    readonly activeDeployment: number | null;
    readonly rollback: Verdict;
    readonly actor: Actor;
    readonly people: People;
  },
): EnvironmentView {
  const { name } = environment;
  const { lock, hold, actor, people } = facts;
  const mayLock = denial(actor, "environment.lock", { environment: name });
  const mayHold = denial(actor, "environment.hold", { environment: name });
  return {
    name,
    branch: environment.branch,
    promoteFrom: environment.promoteFrom,
    target: environment.target.kind,
    signOff: { ...environment.signOff.roles },
    land: environment.land,
    lock: lock ? presentLock(lock, people) : null,
    hold: hold ? presentLock(hold, people) : null,
    activeDeployment: facts.activeDeployment,
    services: [...facts.services],
    unreachable: facts.unreachable,
    abilities: {
      lock: ability(
        mayLock,
        lock
          ? no(
              "environment.locked",
              `${name} is already locked by ${lock.name}: ${lock.reason}`,
              `Say \`unlock ${name}\` first.`,
            )
          : yes,
      ),
      unlock: ability(
        mayLock,
        lock
          ? yes
          : no("environment.unlocked", `${name} is not locked.`, "There is nothing to do."),
      ),
      hold: ability(
        mayHold,
        hold
          ? no(
              "environment.held",
              `Automation for ${name} is on hold already.`,
              `Say \`resume ${name}\` to let it go on.`,
            )
          : yes,
      ),
      resume: ability(
        mayHold,
        hold
          ? yes
          : no(
              "hold.not_found",
              `Automation for ${name} is not on hold.`,
              "There is nothing to do.",
            ),
      ),
      rollback: ability(
        denial(actor, "deployment.roll_back", { environment: name }),
        facts.rollback,
      ),
    },
  };
}

function presentLock(row: LockRow, people: People): LockView {
  return {
    by: { ...people.ref(row.subject), name: row.name },
    reason: row.reason,
    since: row.createdAt.toISOString(),
    until: row.expiresAt?.toISOString() ?? null,
  };
}

/** What one service runs: as the target says now, or as it said last when it cannot be asked. */
export function presentServiceState(
  service: string,
  row: ServiceStateRow | undefined,
  { states, unreachable }: Observation,
  people: People,
): ServiceStateView {
  const observed = states.get(service);
  const version = observed ? observed.version : (row?.observedVersion ?? null);
  const commit = observed ? observed.commit : (row?.observedCommit ?? null);
  const recorded = row && row.deployment !== null ? row : undefined;
  return {
    service,
    version,
    commit,
    health: observed?.health ?? (unreachable === null ? "unknown" : (row?.health ?? "unknown")),
    detail: observed ? observed.detail : (row?.detail ?? null),
    copies: observed?.copies
      ? { ...observed.copies, since: observed.copies.since?.toISOString() ?? null }
      : null,
    since: recorded?.since?.toISOString() ?? null,
    deployment: recorded?.deployment ?? null,
    deployedBy:
      recorded && recorded.deployedBy !== null
        ? {
            ...people.ref(recorded.deployedBy),
            name: recorded.deployedByName ?? people.of(recorded.deployedBy).name,
          }
        : null,
    drifted: isDrifted(recorded, observed && { version, commit, digest: observed.digest }),
    checkedAt: (observed?.observedAt ?? row?.checkedAt)?.toISOString() ?? null,
  };
}

/** Only what was just observed can tell; while a service converges nobody can. */
function isDrifted(
  recorded: ServiceStateRow | undefined,
  running: { version: string | null; commit: string | null; digest: string | null } | undefined,
): boolean {
  if (!recorded || !running) {
    return false;
  }
  const left = {
    version: recorded.recordedVersion,
    commit: recorded.recordedCommit,
    digest: recorded.recordedDigest,
  };
  const ranNothing = left.version === null && left.commit === null && left.digest === null;
  const runsNothing = running.version === null && running.commit === null;
  return ranNothing || runsNothing ? ranNothing !== runsNothing : !isSameVersion(left, running);
}
