import { createHash } from "node:crypto";
import type { Transaction } from "sequelize";
import { planSteps, type ServiceVersion } from "../../core/deployment.ts";
import type { Wave } from "../../core/deploy-order.ts";
import type { Actor } from "../../core/actor.ts";
import type { Stage } from "../../contract/deployment.ts";
import { DeploymentRow, type StoredDesired } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { DeploymentNotFound } from "../../errors/catalog.ts";
import type { EventSubject } from "../../events/events.ts";
import { newId } from "../../lib/ids.ts";
import { environmentState } from "../environments/environment-state.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";

/** Everything a new deployment is made of. */
export interface NewDeployment {
  readonly kind: "deploy" | "rollback";
  readonly environment: EnvironmentSettings;
  readonly release: { readonly id: string; readonly number: number } | null;
  readonly fingerprint: string | null;
  readonly desired: readonly StoredDesired[];
  /** Numbered from 1. */
  readonly waves: readonly Wave[];
  readonly stagesOf: (service: string) => readonly Stage[];
  /** Services that only land: their content is there already. */
  readonly landOnly?: readonly string[];
  readonly land: "after" | "before" | "off";
  readonly only: readonly string[] | null;
  readonly fromWave: number | null;
  readonly rollbackOf: number | null;
  readonly restores: number | null;
  readonly retryOf: number | null;
  readonly reason: string | null;
  readonly requestedBy: Pick<Actor, "subject" | "name">;
  readonly actor: Actor;
}

/** The deployment people call `number`. Throws DeploymentNotFound. */
export async function findDeployment(
  number: number,
  transaction: Transaction | null = null,
): Promise<DeploymentRow> {
  const row = await DeploymentRow.findOne({ where: { number }, transaction });
  if (!row) {
    throw new DeploymentNotFound({ deployment: `#${number}` });
  }
  return row;
}

/**
 * Takes the environment for a new deployment: sets its holder from `from` to `to`, and tells whether that worked. Two at
 * once: exactly one gets it.
 */
export async function takeEnvironment(
  tx: Tx,
  environment: string,
  from: number | null,
  to: number | null,
): Promise<boolean> {
  const state = await environmentState(tx, environment);
  if ((state.activeDeployment ?? null) !== from) {
    return false;
  }
  await state.update({ activeDeployment: to }, { transaction: tx.sequelize });
  return true;
}

/** Writes a deployment with its steps, tells of it and asks a runner to take it. The environment must be taken already. */
export async function insertDeployment(
  tx: Tx,
  number: number,
  now: Date,
  input: NewDeployment,
): Promise<DeploymentRow> {
  const { environment, release, actor } = input;
  const transaction = tx.sequelize;
  const row = await DeploymentRow.create(
    {
      id: newId(),
      number,
      kind: input.kind,
      status: "queued",
      environment: environment.name,
      releaseId: release?.id ?? null,
      releaseNumber: release?.number ?? null,
      rollbackOf: input.rollbackOf,
      restores: input.restores,
      fingerprint: input.fingerprint,
      desired: input.desired,
      waves: input.waves.map((wave) => wave.services),
      land: input.land,
      only: input.only,
      fromWave: input.fromWave,
      requestedBy: input.requestedBy.subject,
      requestedByName: input.requestedBy.name,
      reason: input.reason,
      summary: "Waiting to start.",
      retryOf: input.retryOf,
      fencing: 0,
      createdAt: now,
    },
    { transaction },
  );
  const landOnly = input.landOnly ?? [];
  const steps = [
    ...planSteps(input.waves, input.stagesOf),
    ...planSteps([{ number: Math.max(1, input.waves.length), services: landOnly }], () => ["land"]),
  ];
  await DeploymentStepRow.bulkCreate(
    steps.map((step, position) => ({
      id: newId(),
      deploymentId: row.id,
      wave: step.wave,
      position,
      service: step.service,
      stage: step.stage,
      status: "pending" as const,
      attempt: 0,
      timeoutMs: timeoutOf(step.stage, environment),
    })),
    { transaction },
  );
  await tx.emit({
    name: "deployment.requested",
    payload: {
      number,
      environment: environment.name,
      release: release?.number ?? null,
      kind: input.kind,
      services: input.waves.flatMap((wave) => wave.services),
    },
    actor,
    subject: aboutDeployment(number),
    related: relatedTo(row),
  });
  await enqueueAdvance(tx, row);
  return row;
}

/** Asks a runner to look at a deployment. */
export async function enqueueAdvance(
  tx: Tx,
  row: Pick<DeploymentRow, "id" | "number">,
): Promise<void> {
  await tx.enqueue({
    name: "deployment.advance",
    payload: { deploymentId: row.id },
    key: `deployment.advance/${row.number}`,
  });
}

/** What events about a deployment are about. */
export function aboutDeployment(number: number): EventSubject {
  return { kind: "deployment", id: String(number) };
}

/** What else an event of a deployment concerns. */
export function relatedTo(
  row: Pick<DeploymentRow, "environment" | "releaseNumber">,
): readonly EventSubject[] {
  const environment: EventSubject = { kind: "environment", id: row.environment };
  return row.releaseNumber === null
    ? [environment]
    : [environment, { kind: "release", id: String(row.releaseNumber) }];
}

/** What a commit is called where nobody gave it a version. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 8);
}

/** SHA-256 in hexadecimal, for the rules that hash. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** Waves with their numbers starting at 1 again. */
export function renumber(waves: readonly Wave[]): readonly Wave[] {
  return waves.map((wave, index) => ({ number: index + 1, services: wave.services }));
}

/** The exact version a deployment brings, as rules compare it. */
export function versionOf(desired: StoredDesired): ServiceVersion {
  return { version: desired.version, commit: desired.commit, digest: desired.digest };
}

/** Landing is an effect on a repository and takes no longer than this. */
const LAND_TIMEOUT_MS = 120_000;

function timeoutOf(stage: Stage, { timeouts }: EnvironmentSettings): number {
  switch (stage) {
    case "migrate":
      return timeouts.migrateMs;
    case "deploy":
      return timeouts.deployMs;
    case "verify":
      return timeouts.verifyMs;
    case "merge":
    case "land":
      return LAND_TIMEOUT_MS;
  }
}
