import type { InferAttributes, Model } from "sequelize";
import { nextStep, type NextMove, type Step } from "../../core/deployment.ts";
import { systemActor } from "../../core/actor.ts";
import type { DeploymentStatus, StepStatus } from "../../contract/deployment.ts";
import { DeploymentRow, type StoredDesired } from "../../db/rows/deployment.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { StorageUnavailable } from "../../errors/catalog.ts";
import { createQueue, type Queue } from "../../lib/queue.ts";
import { pause } from "../../lib/deadline.ts";
import type { EnvironmentSettings } from "../environments/environment-settings.ts";
import { checkApproval } from "./check-approval.ts";
import { aboutDeployment, relatedTo, shortCommit } from "./deployment-row.ts";
import type { DeploymentDeps } from "./deps.ts";
import { finishDeployment } from "./finish-deployment.ts";
import { holdLease, LeaseLost, releaseLease, type Lease, type LeaseOptions } from "./lease.ts";
import { createLogWriter } from "./log-writer.ts";
import {
  performStep,
  settleStep,
  type StepContext,
  type StepResult,
  type StopReason,
} from "./perform-step.ts";
import { recordDeployed } from "./record-service-state.ts";

/** Moments at which a process may die, named for tests. */
export type Boundary =
  | "claimed"
  | `${string}:running`
  | `${string}:done`
  | `${string}:recorded`
  | "finishing"
  | "finished";

export interface RunOptions extends LeaseOptions {
  /** How many services may be worked on at the same time. */
  readonly parallel: number;
  readonly heartbeatMs: number;
  /** How long running effects may take to end when the process stops; then they are ended. */
  readonly stopGraceMs: number;
  /** Called at every moment a process may die. For tests. */
  readonly onBoundary?: (boundary: Boundary) => void | Promise<void>;
}

export type RunDeps = DeploymentDeps & RunOptions;

/** One deployment being run by this process. */
export interface Run {
  /** Resolves when the deployment has ended, the lease is lost, or the run has stopped. */
  readonly done: Promise<void>;
  /** Looks at the rows again: somebody cancelled. */
  wake(): void;
  /** Begins no more effects, waits for those that run, and gives the deployment back unfinished. */
  stop(): void;
}

const FIRST_WRITE_PAUSE_MS = 500;
const LONGEST_WRITE_PAUSE_MS = 10_000;

type RowValues<R extends Model> = Partial<InferAttributes<R>>;

interface RunningStep {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

interface StepView extends Step {
  readonly row: DeploymentStepRow;
}

/** Starts to run a deployment under a lease. Everything it knows is in the rows, so that any runner can go on. */
export function startRun(deps: RunDeps, lease: Lease): Run {
  const running = new Map<string, RunningStep>();
  const landing = new Map<string, Queue>();
  const lost = new AbortController();
  const stopping = new AbortController();
  let bell = createBell();
  let failure: unknown;
  const log = createLogWriter(
    {
      ...deps,
      onError: (error) => {
        noteWriteFailure(error, "writing the log of a deployment failed");
      },
    },
    lease,
  );

  const done = run();
  return {
    done,
    wake: () => bell.ring(),
    stop: () => {
      stopping.abort();
      bell.ring();
    },
  };

  async function run(): Promise<void> {
    const stopHeartbeat = startHeartbeat();
    try {
      await boundary("claimed");
      let hasMore = true;
      while (hasMore) {
        hasMore = !lost.signal.aborted && (await advance());
        if (failure !== undefined) {
          throw asError(failure);
        }
      }
    } catch (error) {
      if (!(error instanceof LeaseLost)) {
        throw error;
      }
      loseLease();
    } finally {
      stopHeartbeat();
      log.stop();
      endRunning("lease_lost");
      await Promise.all([...running.values()].map((step) => step.ended));
    }
  }

  /** Makes the next move. False when there is none left for this runner. */
  async function advance(): Promise<boolean> {
    bell = createBell();
    const row = await DeploymentRow.findByPk(lease.deploymentId);
    if (row && row.fencing !== lease.token) {
      loseLease();
    }
    if (!row || row.finishedAt !== null || lost.signal.aborted) {
      return false;
    }
    if (stopping.signal.aborted) {
      await giveBack();
      return false;
    }
    if (settings(row) === undefined && row.status !== "aborting") {
      await persist((tx) =>
        stopItself(tx, row, `Stopped: ${row.environment} is not configured any more.`),
      );
      return true;
    }
    const steps = await loadSteps();
    const move = nextStep({
      status: row.status,
      steps,
      isCancelRequested: row.cancelRequestedBy !== null,
      parallel: deps.parallel,
    });
    return makeMove(row, steps, move);
  }

  async function makeMove(
    row: DeploymentRow,
    steps: readonly StepView[],
    move: NextMove<StepView>,
  ): Promise<boolean> {
    switch (move.kind) {
      case "settle":
        for (const step of move.steps) {
          launch(row, step.row, settleStep);
        }
        return true;
      case "start":
        await start(row, steps, move.steps, move.status);
        return true;
      case "wait":
        if (move.stop) {
          endRunning("cancelled");
        }
        await follow(row, move.status);
        await Promise.race([bell.rung, ...[...running.values()].map((step) => step.ended)]);
        return true;
      case "finish": {
        await boundary("finishing");
        const hasEnded = await finishDeployment(deps, lease, {
          row,
          status: move.status,
          steps: steps.map((step) => step.row),
          skip: move.skip.map((step) => step.row.id),
        });
        await boundary("finished");
        return !hasEnded;
      }
    }
  }

  /** Undefined when the configuration was changed and no longer knows the environment. */
  function settings(row: DeploymentRow): EnvironmentSettings | undefined {
    return deps.environments.find(({ name }) => name === row.environment);
  }

  async function loadSteps(): Promise<readonly StepView[]> {
    const rows = await DeploymentStepRow.findAll({
      where: { deploymentId: lease.deploymentId },
      order: [["position", "ASC"]],
    });
    return rows.map((row) => ({
      row,
      wave: row.wave,
      service: row.service,
      stage: row.stage,
      status: row.status === "running" && !running.has(row.id) ? "unknown" : row.status,
      cause: row.cause,
    }));
  }

  /** The deployment's status follows from its steps; somebody who cancels meanwhile comes first. */
  async function follow(row: DeploymentRow, status: DeploymentStatus): Promise<void> {
    if (status === row.status) {
      return;
    }
    await persist(async (tx) => {
      await DeploymentRow.update(
        { status },
        { where: { id: row.id, status: row.status }, transaction: tx.sequelize },
      );
    });
  }

  /** Stores the steps as running, before their effects begin. A wave whose signatures are gone is not begun. */
  async function start(
    row: DeploymentRow,
    all: readonly StepView[],
    steps: readonly StepView[],
    status: DeploymentStatus,
  ): Promise<void> {
    const begun = await persist(async (tx) => {
      const current = await DeploymentRow.findByPk(row.id, { transaction: tx.sequelize });
      if (current?.status !== row.status) {
        return false;
      }
      const wave = steps.find((step) => step.stage !== "land")?.wave;
      if (wave !== undefined && isUntouched(all, wave)) {
        const verdict = await checkApproval(row, deps.environments, tx.sequelize);
        if (!verdict.ok) {
          await stopItself(tx, row, `Stopped before wave ${wave}: ${verdict.reason}`);
          return false;
        }
      }
      if (status !== row.status) {
        await updateRow(tx, { status });
      }
      for (const { row: step } of steps) {
        await updateStep(tx, step.id, {
          status: "running",
          startedAt: deps.clock.now(),
          attempt: step.attempt + 1,
        });
        await emitStep(tx, row, step, "running", null);
      }
      return true;
    });
    if (begun) {
      for (const step of steps) {
        launch(row, step.row, performStep);
      }
    }
  }

  /** The deployment stops by itself, as if somebody had cancelled it. */
  async function stopItself(tx: Tx, row: DeploymentRow, summary: string): Promise<void> {
    await updateRow(tx, {
      status: "aborting",
      cancelRequestedBy: systemActor.subject,
      cancelThen: "leave",
      summary,
    });
    await tx.emit({
      name: "deployment.cancel_requested",
      payload: { number: row.number, environment: row.environment, then: "leave" },
      actor: systemActor,
      subject: aboutDeployment(row.number),
      related: relatedTo(row),
    });
  }

  function launch(
    row: DeploymentRow,
    step: DeploymentStepRow,
    work: typeof performStep,
  ): RunningStep {
    const controller = new AbortController();
    const ended = runStep(row, step, work, controller.signal)
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => {
        running.delete(step.id);
        bell.ring();
      });
    const started = { controller, ended };
    running.set(step.id, started);
    return started;
  }

  async function runStep(
    row: DeploymentRow,
    step: DeploymentStepRow,
    work: typeof performStep,
    stop: AbortSignal,
  ): Promise<void> {
    await boundary(`${step.stage}:running`);
    const desired = row.desired.find((one) => one.service === step.service);
    if (!desired) {
      throw new Error(`deployment #${row.number} does not say what ${step.service} should run`);
    }
    const context: StepContext = {
      deps,
      environment: row.environment,
      deployment: row.number,
      fencingToken: lease.token,
      brings: row.desired,
      settleMs: settings(row)?.settleMs ?? 0,
      stop,
      log: (line) => log.write(step.service, step.stage, line),
      confirm,
    };
    const result = await inRepositoryOrder(step, desired, () => work(context, step, desired));
    await boundary(`${step.stage}:done`);
    if (result.status !== "abandoned") {
      await record(row, step, desired, result);
      await boundary(`${step.stage}:recorded`);
    }
  }

  /** A process may sleep through its lease, paused or on a machine that was: what it was about to do is not its to do any more. */
  async function confirm(): Promise<void> {
    try {
      await persist(() => Promise.resolve());
    } catch (error) {
      if (error instanceof LeaseLost) {
        loseLease();
      }
      throw error;
    }
  }

  /** Services of one repository land one after the other: they move the same branch. */
  function inRepositoryOrder<T>(
    step: DeploymentStepRow,
    { repository }: StoredDesired,
    work: () => Promise<T>,
  ): Promise<T> {
    if (step.stage !== "land" && step.stage !== "merge") {
      return work();
    }
    const queue = landing.get(repository) ?? createQueue();
    landing.set(repository, queue);
    return queue(work);
  }

  async function record(
    row: DeploymentRow,
    step: DeploymentStepRow,
    desired: StoredDesired,
    result: Exclude<StepResult, { status: "abandoned" }>,
  ): Promise<void> {
    const lines = log.take();
    await persist(async (tx) => {
      await log.store(tx, lines);
      const now = deps.clock.now();
      const hasEnded = result.status !== "pending";
      await updateStep(tx, step.id, {
        status: result.status,
        outcome: hasEnded ? result.outcome : null,
        cause: result.status === "failed" ? result.cause : null,
        finishedAt: hasEnded ? now : null,
        ...(hasEnded ? {} : { startedAt: null }),
        ...(step.stage === "deploy" && result.status === "succeeded" ? { carried: true } : {}),
      });
      if (step.stage === "deploy" && result.status === "succeeded") {
        await recordDeployed(tx, row, desired, now);
      }
      if (result.status === "succeeded" && result.landedSha !== undefined) {
        await recordLanded(tx, row, desired, result.landedSha, now);
        if (step.stage === "merge") {
          await deployMerged(tx, row, desired, result.landedSha);
        }
      }
      await emitStep(tx, row, step, result.status, result.outcome);
    });
  }

  // By key and never through an instance: one that was changed by a transaction that failed writes too little the next time.
  async function updateRow(tx: Tx, values: RowValues<DeploymentRow>): Promise<void> {
    await DeploymentRow.update(values, {
      where: { id: lease.deploymentId },
      transaction: tx.sequelize,
    });
  }

  async function updateStep(
    tx: Tx,
    id: string,
    values: RowValues<DeploymentStepRow>,
  ): Promise<void> {
    await DeploymentStepRow.update(values, { where: { id }, transaction: tx.sequelize });
  }

  /** Writes what has happened. Storage that is full or locked is waited for: forgetting an effect would repeat it. */
  async function persist<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    for (let wait = FIRST_WRITE_PAUSE_MS; ; wait = Math.min(wait * 2, LONGEST_WRITE_PAUSE_MS)) {
      try {
        return await deps.uow.run(async (tx) => {
          await holdLease(deps, lease, tx);
          return work(tx);
        });
      } catch (error) {
        const isPatient = !lost.signal.aborted && !stopping.signal.aborted;
        if (!(error instanceof StorageUnavailable) || !isPatient) {
          throw error;
        }
        deps.logger.warn({ err: error, deployment: lease.number }, "waiting for the storage");
      }
      await pause(deps.timers, wait, AbortSignal.any([lost.signal, stopping.signal]));
    }
  }

  function endRunning(reason: StopReason): void {
    for (const { controller } of running.values()) {
      controller.abort(reason);
    }
  }

  /** Lets what runs end in its own time, within limits, and leaves the rest to the next runner. */
  async function giveBack(): Promise<void> {
    const ended = Promise.all([...running.values()].map((step) => step.ended));
    const patience = new AbortController();
    await Promise.race([ended, pause(deps.timers, deps.stopGraceMs, patience.signal)]);
    patience.abort();
    endRunning("stopping");
    await ended;
    if (failure === undefined) {
      await releaseLease(deps, lease);
    }
  }

  function startHeartbeat(): () => void {
    let until = deps.clock.now().getTime() + deps.leaseMs;
    let cancel = deps.timers.after(deps.heartbeatMs, beat);
    let isStopped = false;
    function beat(): void {
      deps.uow
        // A single statement that compares and sets; it must not wait behind whatever else is written.
        .run((tx) => holdLease(deps, lease, tx), { inTurn: false })
        .then(
          () => {
            until = deps.clock.now().getTime() + deps.leaseMs;
          },
          (error: unknown) => {
            noteWriteFailure(error, "the heartbeat of a deployment failed");
            if (deps.clock.now().getTime() >= until) {
              // Nobody can tell whether somebody else took over: end everything rather than act twice.
              loseLease();
            }
          },
        )
        .finally(() => {
          bell.ring();
          if (!isStopped) {
            cancel = deps.timers.after(deps.heartbeatMs, beat);
          }
        });
    }
    return () => {
      isStopped = true;
      cancel();
    };
  }

  function noteWriteFailure(error: unknown, what: string): void {
    if (error instanceof LeaseLost) {
      loseLease();
    } else {
      deps.logger.warn({ err: error, deployment: lease.number }, what);
    }
  }

  function loseLease(): void {
    if (!lost.signal.aborted) {
      deps.logger.warn(
        { deployment: lease.number },
        "this runner has lost a deployment to another",
      );
    }
    lost.abort();
    endRunning("lease_lost");
    bell.ring();
  }

  async function boundary(name: Boundary): Promise<void> {
    await deps.onBoundary?.(name);
  }
}

/** A failure may be anything that was thrown; what is thrown on must be an error. */
function asError(failure: unknown): Error {
  return failure instanceof Error ? failure : new Error("a step broke", { cause: failure });
}

function isUntouched(steps: readonly StepView[], wave: number): boolean {
  return steps.every(
    (step) => step.wave !== wave || step.stage === "land" || step.status === "pending",
  );
}

async function emitStep(
  tx: Tx,
  row: DeploymentRow,
  step: DeploymentStepRow,
  status: StepStatus,
  outcome: string | null,
): Promise<void> {
  await tx.emit({
    name: "deployment.step_changed",
    payload: {
      number: row.number,
      environment: row.environment,
      wave: step.wave,
      service: step.service,
      stage: step.stage,
      status,
      outcome,
    },
    actor: systemActor,
    subject: aboutDeployment(row.number),
    related: relatedTo(row),
  });
}

async function recordLanded(
  tx: Tx,
  row: DeploymentRow,
  desired: StoredDesired,
  sha: string,
  now: Date,
): Promise<void> {
  if (row.releaseId === null || row.releaseNumber === null || desired.landBranch === null) {
    return;
  }
  const where = { releaseId: row.releaseId, service: desired.service };
  const item = await ReleaseItemRow.findOne({
    attributes: ["id", "pullRequest"],
    where,
    transaction: tx.sequelize,
  });
  await ReleaseItemRow.update(
    {
      landedAt: now,
      landedSha: sha,
      landedHead: desired.commit,
      // Its branch holds everything now, whichever way that came about.
      ...(item?.pullRequest ? { pullRequest: { ...item.pullRequest, state: "merged" } } : {}),
    },
    { where, transaction: tx.sequelize },
  );
  await tx.emit({
    name: "release.item_landed",
    payload: {
      number: row.releaseNumber,
      service: desired.service,
      branch: desired.landBranch,
      sha,
    },
    actor: systemActor,
    subject: { kind: "release", id: String(row.releaseNumber) },
    related: [aboutDeployment(row.number)],
  });
}

/** What was merged is what goes out from here on: the merge has exactly the signed content, under a commit of its own. */
async function deployMerged(
  tx: Tx,
  row: DeploymentRow,
  { service, commit, version }: StoredDesired,
  sha: string,
): Promise<void> {
  const transaction = tx.sequelize;
  const current = await DeploymentRow.findByPk(row.id, {
    attributes: ["id", "desired"],
    transaction,
    lock: transaction.LOCK.UPDATE,
    rejectOnEmpty: true,
  });
  const isNamedByCommit = commit !== null && version === shortCommit(commit);
  await DeploymentRow.update(
    {
      desired: current.desired.map((one) =>
        one.service === service
          ? { ...one, commit: sha, version: isNamedByCommit ? shortCommit(sha) : version }
          : one,
      ),
    },
    { where: { id: row.id }, transaction },
  );
}

/** Something to wait for that rings at most once. */
function createBell(): { readonly rung: Promise<void>; ring(): void } {
  let ring: () => void = () => undefined;
  const rung = new Promise<void>((resolve) => {
    ring = resolve;
  });
  return { rung, ring: () => ring() };
}
