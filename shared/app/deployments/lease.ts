import { isFinished } from "../../core/deployment.ts";
import { systemActor } from "../../core/actor.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import type { Tx, UnitOfWork } from "../../db/unit-of-work.types.ts";
import { environmentState } from "../environments/environment-state.ts";
import { aboutDeployment, relatedTo } from "./deployment-row.ts";

/** The right to run one deployment. Every write made under it names its token, so that a former owner's are refused. */
export interface Lease {
  readonly deploymentId: string;
  readonly number: number;
  readonly environment: string;
  readonly owner: string;
  /** Larger than every token given out for this environment before. */
  readonly token: number;
}

export interface LeaseOptions {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  /** Unique to this process, see `processIdentity`. */
  readonly owner: string;
  /** How long a runner may be silent before another one takes over. */
  readonly leaseMs: number;
  /** Whether the process that holds a lease certainly lives no more, so that nobody has to wait for it. */
  readonly isOwnerDead: (owner: string) => boolean;
}

/** Somebody else runs this deployment now. Whoever meets it stops and writes nothing more. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
  constructor(lease: Lease) {
    super(`the lease with token ${lease.token} of deployment #${lease.number} is gone`);
  }
}

/**
 * Takes an unfinished deployment that nobody runs: a new one, or one whose runner fell silent. Null when somebody runs it,
 * or nothing is left to run.
 */
export async function claimDeployment(
  options: LeaseOptions,
  deploymentId: string,
): Promise<Lease | null> {
  return options.uow.run(async (tx) => {
    const transaction = tx.sequelize;
    const now = options.clock.now();
    const row = await DeploymentRow.findByPk(deploymentId, {
      transaction,
      lock: transaction.LOCK.UPDATE,
    });
    if (!row || row.status === "scheduled" || isFinished(row.status)) {
      return null;
    }
    if (isHeld(row, now) && !options.isOwnerDead(row.leaseOwner ?? "")) {
      return null;
    }
    const token = await nextToken(tx, row.environment);
    const isResumed = row.startedAt !== null;
    await row.update(
      {
        status: row.status === "queued" ? "running" : row.status,
        startedAt: row.startedAt ?? now,
        leaseOwner: options.owner,
        leaseUntil: new Date(now.getTime() + options.leaseMs),
        fencing: token,
        ...(isResumed ? {} : { summary: "Running." }),
      },
      { transaction },
    );
    const { number, environment, releaseNumber } = row;
    const about = {
      actor: systemActor,
      subject: aboutDeployment(number),
      related: relatedTo(row),
    };
    if (isResumed) {
      await tx.emit({
        name: "deployment.resumed",
        payload: { number, environment, after: "its runner stopped" },
        ...about,
      });
    } else {
      await tx.emit({
        name: "deployment.started",
        payload: { number, environment, release: releaseNumber },
        ...about,
      });
    }
    return { deploymentId, number, environment, owner: options.owner, token };
  });
}

/** Unfinished deployments that nobody runs. */
export async function findUnattended(
  options: Pick<LeaseOptions, "clock" | "isOwnerDead">,
  statuses: readonly DeploymentRow["status"][],
): Promise<readonly string[]> {
  const now = options.clock.now();
  const rows = await DeploymentRow.findAll({
    where: { status: [...statuses] },
    attributes: ["id", "leaseOwner", "leaseUntil"],
    order: [["number", "ASC"]],
  });
  return rows
    .filter((row) => !isHeld(row, now) || options.isOwnerDead(row.leaseOwner ?? ""))
    .map((row) => row.id);
}

/**
 * Proves, inside the transaction, that the lease still stands, and extends it. Throws LeaseLost, which undoes whatever the
 * transaction wrote.
 */
export async function holdLease(options: LeaseOptions, lease: Lease, tx: Tx): Promise<void> {
  const until = new Date(options.clock.now().getTime() + options.leaseMs);
  const [changed] = await DeploymentRow.update(
    { leaseUntil: until },
    {
      where: { id: lease.deploymentId, fencing: lease.token, leaseOwner: lease.owner },
      transaction: tx.sequelize,
    },
  );
  if (changed !== 1) {
    throw new LeaseLost(lease);
  }
}

/** Gives a deployment back before it has ended, so that the next runner need not wait. */
export async function releaseLease(options: LeaseOptions, lease: Lease): Promise<void> {
  await options.uow.run(async (tx) => {
    await DeploymentRow.update(
      { leaseOwner: null, leaseUntil: null },
      {
        where: { id: lease.deploymentId, fencing: lease.token, leaseOwner: lease.owner },
        transaction: tx.sequelize,
      },
    );
  });
}

/** A token larger than every one given out for the environment before. */
export async function nextToken(tx: Tx, environment: string): Promise<number> {
  const state = await environmentState(tx, environment);
  await state.update({ fencing: state.fencing + 1 }, { transaction: tx.sequelize });
  return state.fencing;
}

function isHeld(row: Pick<DeploymentRow, "leaseOwner" | "leaseUntil">, now: Date): boolean {
  return row.leaseOwner !== null && row.leaseUntil !== null && row.leaseUntil > now;
}
