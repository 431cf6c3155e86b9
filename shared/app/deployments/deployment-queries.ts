import { literal, Op, type WhereOptions } from "sequelize";
import type { Page } from "../../contract/common.ts";
import {
  DEPLOYMENT_STATUSES,
  type DeploymentLogView,
  type DeploymentQuery,
  type DeploymentStatus,
  type DeploymentSummary,
  type DeploymentView,
} from "../../contract/deployment.ts";
import type { Actor } from "../../core/actor.ts";
import { isActive, isFinished } from "../../core/deployment.ts";
import { no, yes, type Verdict } from "../../core/verdict.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { DeploymentLogRow } from "../../db/rows/deployment-log.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { requireToRead } from "../access.ts";
import type { DeploymentDeps } from "./deps.ts";
import { findDeployment } from "./deployment-row.ts";
import { loadPeople } from "../people/person-refs.ts";
import { unlandedServices } from "./request-landing.ts";
import { presentDeployment, presentDeploymentSummary } from "./present-deployment.ts";

const LOG_LINES = 500;
const MOST_LOG_LINES = 5_000;

/** One deployment. Throws DeploymentNotFound, PermissionDenied. */
export async function viewDeployment(
  deps: Pick<DeploymentDeps, "baseUrl">,
  actor: Actor,
  number: number,
): Promise<DeploymentView> {
  requireToRead(actor, "deployment.read");
  const row = await findDeployment(number);
  const steps = await DeploymentStepRow.findAll({
    where: { deploymentId: row.id },
    order: [["position", "ASC"]],
  });
  const isAnyUnlanded = steps.some(({ stage, status }) => stage === "land" && status === "failed");
  return presentDeployment(row, steps, {
    unlanded: isAnyUnlanded ? await unlandedServices(row) : [],
    baseUrl: deps.baseUrl(),
    people: await loadPeople([row.requestedBy, row.cancelRequestedBy]),
    actor,
    rollback: await canRollBack(row.environment),
  });
}

/** Deployments, newest first. Throws PermissionDenied. */
export async function listDeployments(
  deps: Pick<DeploymentDeps, "baseUrl">,
  actor: Actor,
  query: DeploymentQuery,
): Promise<Page<DeploymentSummary>> {
  requireToRead(actor, "deployment.read");
  const where: WhereOptions<DeploymentRow> = {
    ...(query.environment === undefined ? {} : { environment: query.environment }),
    ...(query.status === undefined ? {} : { status: [...statusesOf(query.status)] }),
    ...(query.release === undefined ? {} : { releaseNumber: query.release }),
    ...(query.service === undefined ? {} : { id: { [Op.in]: deploymentsOf(query.service) } }),
  };
  const { rows, count } = await DeploymentRow.findAndCountAll({
    where,
    order: [["number", "DESC"]],
    limit: query.limit,
    offset: query.offset,
  });
  const people = await loadPeople(rows.map((row) => row.requestedBy));
  return {
    items: rows.map((row) => presentDeploymentSummary(row, deps.baseUrl(), people)),
    total: count,
  };
}

/** Lines of output after a line, oldest first. Throws DeploymentNotFound, PermissionDenied. */
export async function readDeploymentLog(
  actor: Actor,
  number: number,
  query: { readonly after?: number | undefined; readonly limit?: number | undefined },
): Promise<DeploymentLogView> {
  requireToRead(actor, "deployment.read");
  const row = await findDeployment(number);
  const after = query.after ?? 0;
  const lines = await DeploymentLogRow.findAll({
    where: { deploymentId: row.id, id: { [Op.gt]: after } },
    order: [["id", "ASC"]],
    limit: Math.min(Math.max(1, query.limit ?? LOG_LINES), MOST_LOG_LINES),
  });
  return {
    items: lines.map((line) => ({
      id: line.id,
      at: line.at.toISOString(),
      service: line.service,
      stage: line.stage,
      line: line.line,
    })),
    next: lines[lines.length - 1]?.id ?? after,
  };
}

/** Whether an environment can be rolled back at all, as far as our own rows tell. */
export async function canRollBack(environment: string): Promise<Verdict> {
  const active = await DeploymentRow.findOne({
    where: { environment, status: DEPLOYMENT_STATUSES.filter((status) => isActive(status)) },
    attributes: ["number", "status", "kind"],
  });
  if (active && !(active.status === "verifying" && active.kind === "deploy")) {
    return no(
      "environment.busy",
      `Deployment #${active.number} is under way in ${environment}.`,
      `Wait for it, or say \`cancel ${active.number}\`.`,
    );
  }
  const newest = await DeploymentRow.findOne({
    where: { environment, startedAt: { [Op.ne]: null } },
    attributes: ["number", "rollbackOf"],
    order: [["number", "DESC"]],
  });
  const earlier =
    newest &&
    (await DeploymentRow.findOne({
      where: { environment, status: "succeeded", number: { [Op.lt]: newest.number } },
      attributes: ["number"],
      order: [["number", "DESC"]],
    }));
  return earlier
    ? yes
    : no(
        "rollback.nothing",
        `There is no earlier success in ${environment} to go back to.`,
        `Deploy a release to ${environment} first.`,
      );
}

function statusesOf(status: DeploymentStatus | "active" | "finished"): readonly DeploymentStatus[] {
  if (status === "active") {
    return DEPLOYMENT_STATUSES.filter((one) => isActive(one));
  }
  return status === "finished" ? DEPLOYMENT_STATUSES.filter((one) => isFinished(one)) : [status];
}

/** Ids of the deployments that bring a service, for the database to find by itself. */
function deploymentsOf(service: string): ReturnType<typeof literal> {
  const escaped = DeploymentStepRow.sequelize?.escape(service) ?? "''";
  return literal(`(SELECT deployment_id FROM deployment_steps WHERE service = ${escaped})`);
}
