import { z } from "zod";
import { ShortNumber } from "../../../shared/contract/common.ts";
import {
  CancelDeployment,
  DeploymentLogView,
  DeploymentPage,
  DeploymentQuery,
  DeploymentStepView,
  DeploymentView,
  RequestDeployment,
  RequestRollback,
} from "../../../shared/contract/deployment.ts";
import {
  DeploymentBlocked,
  DeploymentFinished,
  DeploymentNotFound,
  EnvironmentMissing,
  EnvironmentNotFound,
  ItemNotFound,
  ReleaseNotFound,
  RollbackImpossible,
} from "../../../shared/errors/catalog.ts";
import { defineRoute } from "../route.ts";

const tag = "Deployments";
const byNumber = z.object({ number: ShortNumber });

const CreateDeployment = RequestDeployment.extend({ release: ShortNumber }).meta({
  id: "CreateDeployment",
});
const RollBackDeployment = RequestRollback.omit({ environment: true }).meta({
  id: "RollBackDeployment",
});
const DeploymentStageList = z.object({
  items: z.array(DeploymentStepView),
  total: z.number().int(),
});

export const listDeployments = defineRoute({
  method: "get",
  path: "/deployments",
  operationId: "listDeployments",
  summary: "Deployments, newest first",
  tag,
  permission: "deployment.read",
  query: DeploymentQuery,
  response: DeploymentPage,
  errors: [],
  async handle({ actor, services }, { query }) {
    const page = await services.deployments.list(actor, query);
    return { items: [...page.items], total: page.total };
  },
});

export const createDeployment = defineRoute({
  method: "post",
  path: "/deployments",
  operationId: "createDeployment",
  summary: "Deploy a release; the same as `POST /releases/{number}/deploy`",
  tag,
  permission: "deployment.request",
  body: CreateDeployment,
  response: DeploymentView,
  status: 202,
  errors: [
    ReleaseNotFound,
    EnvironmentNotFound,
    EnvironmentMissing,
    DeploymentBlocked,
    ItemNotFound,
  ],
  location: ({ number }) => `/deployments/${number}`,
  handle: ({ actor, services }, { body: { release, ...input } }) =>
    services.deployments.request(actor, release, input),
});

export const getDeployment = defineRoute({
  method: "get",
  path: "/deployments/{number}",
  operationId: "getDeployment",
  summary: "One deployment with its stages and results",
  tag,
  permission: "deployment.read",
  params: byNumber,
  response: DeploymentView,
  errors: [DeploymentNotFound],
  handle: ({ actor, services }, { params }) => services.deployments.view(actor, params.number),
});

export const listDeploymentStages = defineRoute({
  method: "get",
  path: "/deployments/{number}/stages",
  operationId: "listDeploymentStages",
  summary: "The stages of every service, in order",
  tag,
  permission: "deployment.read",
  params: byNumber,
  response: DeploymentStageList,
  errors: [DeploymentNotFound],
  async handle({ actor, services }, { params }) {
    const { steps } = await services.deployments.view(actor, params.number);
    return { items: steps, total: steps.length };
  },
});

export const getDeploymentLogs = defineRoute({
  method: "get",
  path: "/deployments/{number}/logs",
  operationId: "getDeploymentLogs",
  summary: "Captured output; ask again with `after` to get what came since",
  tag,
  permission: "deployment.read",
  params: byNumber,
  query: z.object({
    after: z.coerce.number().int().min(0).optional(),
    limit: z.coerce.number().int().min(1).max(5_000).optional(),
  }),
  response: DeploymentLogView,
  errors: [DeploymentNotFound],
  handle: ({ actor, services }, { params, query }) =>
    services.deployments.logs(actor, params.number, query),
});

export const cancelDeployment = defineRoute({
  method: "post",
  path: "/deployments/{number}/cancel",
  operationId: "cancelDeployment",
  summary: "Stop before the next effect; leave what was done, or roll it back",
  tag,
  permission: "deployment.cancel",
  params: byNumber,
  body: CancelDeployment,
  response: DeploymentView,
  status: 202,
  errors: [DeploymentNotFound, DeploymentFinished],
  handle: ({ actor, services }, { params, body }) =>
    services.deployments.cancel(actor, params.number, body),
});

export const retryDeployment = defineRoute({
  method: "post",
  path: "/deployments/{number}/retry",
  operationId: "retryDeployment",
  summary: "Deploy what failed once more, under the same gates",
  tag,
  permission: "deployment.request",
  params: byNumber,
  response: DeploymentView,
  status: 202,
  errors: [DeploymentNotFound, DeploymentFinished, DeploymentBlocked],
  location: ({ number }) => `/deployments/${number}`,
  handle: ({ actor, services }, { params }) => services.deployments.retry(actor, params.number),
});

export const rollBackDeployment = defineRoute({
  method: "post",
  path: "/deployments/{number}/rollback",
  operationId: "rollBackDeployment",
  summary: "Bring the deployment's environment back to an earlier success",
  tag,
  permission: "deployment.roll_back",
  params: byNumber,
  body: RollBackDeployment,
  response: DeploymentView,
  status: 202,
  errors: [DeploymentNotFound, RollbackImpossible, DeploymentBlocked],
  location: ({ number }) => `/deployments/${number}`,
  async handle({ actor, services }, { params, body }) {
    const { environment } = await services.deployments.view(actor, params.number);
    return services.deployments.rollBack(actor, { ...body, environment });
  },
});

export const deploymentRoutes = [
  listDeployments,
  createDeployment,
  getDeployment,
  listDeploymentStages,
  getDeploymentLogs,
  cancelDeployment,
  retryDeployment,
  rollBackDeployment,
] as const;
