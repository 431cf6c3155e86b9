import { z } from "zod";
import { Ability, PersonRef, Timestamp } from "./common.ts";

/** What one service runs somewhere, told by the target. */
export const ServiceStateView = z
  .object({
    service: z.string(),
    version: z.string().nullable(),
    commit: z.string().nullable(),
    health: z.enum(["healthy", "unhealthy", "progressing", "absent", "unknown"]),
    detail: z.string().nullable(),
    /** Copies that run and that should, where the target runs several and has just been asked; null otherwise. */
    copies: z
      .object({
        running: z.number().int(),
        desired: z.number().int(),
        /** Since when the youngest of them has been running. */
        since: Timestamp.nullable(),
      })
      .nullable(),
    /** Since when, by which deployment and by whom, as our history knows it. */
    since: Timestamp.nullable(),
    deployment: z.number().int().nullable(),
    deployedBy: PersonRef.nullable(),
    /** True when the target runs something else than our last deployment left. */
    drifted: z.boolean(),
    checkedAt: Timestamp.nullable(),
  })
  .meta({ id: "ServiceState" });
export type ServiceStateView = z.infer<typeof ServiceStateView>;

export const LockView = z
  .object({
    by: PersonRef,
    reason: z.string(),
    since: Timestamp,
    until: Timestamp.nullable(),
  })
  .meta({ id: "Lock" });
export type LockView = z.infer<typeof LockView>;

export const EnvironmentView = z
  .object({
    name: z.string(),
    branch: z.string().nullable(),
    promoteFrom: z.string().nullable(),
    target: z.string(),
    signOff: z.record(z.string(), z.number().int()),
    land: z.enum(["after", "before", "off"]),
    lock: LockView.nullable(),
    hold: LockView.nullable(),
    activeDeployment: z.number().int().nullable(),
    services: z.array(ServiceStateView),
    /** Why the target could not be asked; null when it could. */
    unreachable: z.string().nullable(),
    abilities: z.object({
      lock: Ability,
      unlock: Ability,
      hold: Ability,
      resume: Ability,
      rollback: Ability,
    }),
  })
  .meta({ id: "Environment" });
export type EnvironmentView = z.infer<typeof EnvironmentView>;
export const EnvironmentList = z.object({
  items: z.array(EnvironmentView),
  total: z.number().int(),
});

export const EnvironmentDiffView = z
  .object({
    from: z.string(),
    to: z.string(),
    /** Give it back when promoting: a promotion refuses when what runs has changed since. */
    hash: z.string(),
    rows: z.array(
      z.object({
        service: z.string(),
        change: z.enum(["version_bump", "no_change", "new_service", "removed_service"]),
        fromVersion: z.string().nullable(),
        toVersion: z.string().nullable(),
        fromCommit: z.string().nullable(),
        toCommit: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "EnvironmentDiff" });
export type EnvironmentDiffView = z.infer<typeof EnvironmentDiffView>;

export const LockEnvironment = z
  .object({
    reason: z.string().trim().min(1, "say why").max(2_000),
    forMs: z
      .number()
      .int()
      .positive()
      .max(30 * 24 * 3_600_000)
      .optional(),
  })
  .meta({ id: "LockEnvironment" });
export type LockEnvironment = z.infer<typeof LockEnvironment>;

export const PromoteEnvironment = z
  .object({
    from: z.string().min(1).max(200),
    to: z.string().min(1).max(200),
    services: z.array(z.string().min(1).max(200)).max(1_000).optional(),
    hash: z.string().max(200).optional(),
  })
  .meta({ id: "PromoteEnvironment" });
export type PromoteEnvironment = z.infer<typeof PromoteEnvironment>;
