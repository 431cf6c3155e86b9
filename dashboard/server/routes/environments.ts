import { z } from "zod";
import {
  DeploymentPage,
  DeploymentQuery,
  DeploymentView,
  RequestRollback,
} from "../../../shared/contract/deployment.ts";
import {
  EnvironmentDiffView,
  EnvironmentList,
  EnvironmentView,
  LockEnvironment,
  PromoteEnvironment,
  ServiceStateView,
} from "../../../shared/contract/environment.ts";
import { ReleaseView } from "../../../shared/contract/release.ts";
import {
  DeploymentBlocked,
  EnvironmentAlreadyLocked,
  EnvironmentNotFound,
  EnvironmentNotLocked,
  HoldNotFound,
  PromotionEmpty,
  PromotionStale,
  ReleaseAlreadyOpen,
  RollbackImpossible,
  ServiceNotFound,
  UpstreamRejected,
  UpstreamTimeout,
  UpstreamUnavailable,
} from "../../../shared/errors/catalog.ts";
import { defineRoute } from "../route.ts";

const tag = "Environments";
const name = z.string().min(1).max(200);
const byName = z.object({ name });
const Hold = z.object({ reason: z.string().trim().min(1, "say why").max(2_000) }).meta({
  id: "HoldEnvironment",
});
const Promote = PromoteEnvironment.omit({ from: true }).meta({ id: "PromoteFrom" });
const RollBack = RequestRollback.omit({ environment: true }).meta({ id: "RollBackEnvironment" });
const ServiceHealthList = z
  .object({
    items: z.array(
      z.object({
        environment: z.string(),
        services: z.array(ServiceStateView),
        unreachable: z.string().nullable(),
      }),
    ),
    total: z.number().int(),
  })
  .meta({ id: "ServiceHealthList" });

export const listEnvironments = defineRoute({
  method: "get",
  path: "/environments",
  operationId: "listEnvironments",
  summary: "Environments, with what runs there",
  tag,
  permission: "environment.read",
  response: EnvironmentList,
  errors: [],
  async handle({ actor, services }) {
    const items = await services.environments.list(actor);
    return { items: [...items], total: items.length };
  },
});

export const getEnvironment = defineRoute({
  method: "get",
  path: "/environments/{name}",
  operationId: "getEnvironment",
  summary: "One environment, as its target answers now",
  tag,
  permission: "environment.read",
  params: byName,
  response: EnvironmentView,
  errors: [EnvironmentNotFound],
  handle: ({ actor, services }, { params }) => services.environments.view(actor, params.name),
});

export const diffEnvironments = defineRoute({
  method: "get",
  path: "/environments/{name}/diff",
  operationId: "diffEnvironments",
  summary: "What `to` would get if it were brought to what runs here",
  tag,
  permission: "environment.read",
  params: byName,
  query: z.object({ to: name }),
  response: EnvironmentDiffView,
  errors: [EnvironmentNotFound, UpstreamUnavailable],
  handle: ({ actor, services }, { params, query }) =>
    services.environments.diff(actor, params.name, query.to),
});

export const lockEnvironment = defineRoute({
  method: "put",
  path: "/environments/{name}/lock",
  operationId: "lockEnvironment",
  summary: "Stop deploys to an environment",
  tag,
  permission: "environment.lock",
  params: byName,
  body: LockEnvironment,
  response: EnvironmentView,
  errors: [EnvironmentNotFound, EnvironmentAlreadyLocked],
  handle: ({ actor, services }, { params, body }) =>
    services.environments.lock(actor, params.name, body),
});

export const unlockEnvironment = defineRoute({
  method: "delete",
  path: "/environments/{name}/lock",
  operationId: "unlockEnvironment",
  summary: "Allow deploys again",
  tag,
  permission: "environment.lock",
  params: byName,
  response: EnvironmentView,
  errors: [EnvironmentNotFound, EnvironmentNotLocked],
  handle: ({ actor, services }, { params }) => services.environments.unlock(actor, params.name),
});

export const holdEnvironment = defineRoute({
  method: "put",
  path: "/environments/{name}/hold",
  operationId: "holdEnvironment",
  summary: "Pause automation",
  tag,
  permission: "environment.hold",
  params: byName,
  body: Hold,
  response: EnvironmentView,
  errors: [EnvironmentNotFound],
  handle: ({ actor, services }, { params, body }) =>
    services.environments.hold(actor, params.name, body.reason),
});

export const resumeEnvironment = defineRoute({
  method: "delete",
  path: "/environments/{name}/hold",
  operationId: "resumeEnvironment",
  summary: "Let automation go on",
  tag,
  permission: "environment.hold",
  params: byName,
  response: EnvironmentView,
  errors: [EnvironmentNotFound, HoldNotFound],
  handle: ({ actor, services }, { params }) => services.environments.resume(actor, params.name),
});

export const promoteEnvironment = defineRoute({
  method: "post",
  path: "/environments/{name}/promote",
  operationId: "promoteEnvironment",
  summary: "Make a promotion release of the difference between here and `to`",
  tag,
  permission: "environment.promote",
  params: byName,
  body: Promote,
  response: ReleaseView,
  status: 201,
  errors: [EnvironmentNotFound, PromotionEmpty, PromotionStale, ReleaseAlreadyOpen],
  location: ({ number }) => `/releases/${number}`,
  handle: ({ actor, services }, { params, body }) =>
    services.environments.promote(actor, { ...body, from: params.name }),
});

export const rollBackEnvironment = defineRoute({
  method: "post",
  path: "/environments/{name}/rollback",
  operationId: "rollBackEnvironment",
  summary: "Bring an environment back to an earlier success",
  tag,
  permission: "deployment.roll_back",
  params: byName,
  body: RollBack,
  response: DeploymentView,
  status: 202,
  errors: [EnvironmentNotFound, RollbackImpossible, DeploymentBlocked],
  location: ({ number }) => `/deployments/${number}`,
  handle: ({ actor, services }, { params, body }) =>
    services.deployments.rollBack(actor, { ...body, environment: params.name }),
});

export const restartService = defineRoute({
  method: "post",
  path: "/environments/{name}/services/{service}/restart",
  operationId: "restartService",
  summary: "Restart one service",
  tag,
  permission: "service.restart",
  params: byName.extend({ service: name }),
  response: ServiceStateView,
  errors: [
    EnvironmentNotFound,
    ServiceNotFound,
    DeploymentBlocked,
    UpstreamUnavailable,
    UpstreamRejected,
    UpstreamTimeout,
  ],
  handle: ({ actor, services }, { params }) =>
    services.environments.restart(actor, params.name, params.service),
});

export const getEnvironmentHistory = defineRoute({
  method: "get",
  path: "/environments/{name}/history",
  operationId: "getEnvironmentHistory",
  summary: "Deployments and rollbacks of an environment, newest first",
  tag,
  permission: "deployment.read",
  params: byName,
  query: DeploymentQuery.omit({ environment: true }),
  response: DeploymentPage,
  errors: [EnvironmentNotFound],
  async handle({ actor, services }, { params, query }) {
    const page = await services.deployments.list(actor, { ...query, environment: params.name });
    return { items: [...page.items], total: page.total };
  },
});

export const getServiceHealth = defineRoute({
  method: "get",
  path: "/health",
  operationId: "getServiceHealth",
  summary: "Health of every service, by environment",
  tag,
  permission: "environment.read",
  query: z.object({ environment: name.optional() }),
  response: ServiceHealthList,
  errors: [EnvironmentNotFound],
  async handle({ actor, services }, { query }) {
    const items = await services.environments.health(actor, query.environment);
    return {
      items: items.map((item) => ({ ...item, services: [...item.services] })),
      total: items.length,
    };
  },
});

export const environmentRoutes = [
  listEnvironments,
  getEnvironment,
  diffEnvironments,
  lockEnvironment,
  unlockEnvironment,
  holdEnvironment,
  resumeEnvironment,
  promoteEnvironment,
  rollBackEnvironment,
  restartService,
  getEnvironmentHistory,
  getServiceHealth,
] as const;
