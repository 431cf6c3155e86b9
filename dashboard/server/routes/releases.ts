import { z } from "zod";
import { AuditPage } from "../../../shared/contract/audit.ts";
import { PageQuery, ShortNumber } from "../../../shared/contract/common.ts";
import {
  DeploymentView,
  PlanView,
  RequestDeployment,
} from "../../../shared/contract/deployment.ts";
import {
  CloseRelease,
  CreateRelease,
  CreateSignOff,
  DeployOrderView,
  OpenedPullRequests,
  OpenPullRequests,
  PatchRelease,
  PatchReleaseItem,
  RejectRelease,
  ReleasePage,
  ReleaseQuery,
  ReleaseView,
} from "../../../shared/contract/release.ts";
import {
  DependencyInvalid,
  DeploymentBlocked,
  EnvironmentMissing,
  EnvironmentNotFound,
  InputInvalid,
  ItemNotFound,
  PullRequestsImpossible,
  RefInvalid,
  RejectionNotFound,
  ReleaseAlreadyOpen,
  ReleaseBusy,
  ReleaseChanged,
  ReleaseClosed,
  ReleaseEmpty,
  ReleaseNotFound,
  RepositoryUnknown,
  RoleUnknown,
  SignOffNotFound,
  SignOffOutdated,
  SignOffRefused,
} from "../../../shared/errors/catalog.ts";
import { defineRoute } from "../route.ts";

const tag = "Releases";
const byNumber = z.object({ number: ShortNumber });
const name = z.string().min(1).max(200);

export const listReleases = defineRoute({
  method: "get",
  path: "/releases",
  operationId: "listReleases",
  summary: "Releases, newest first",
  tag,
  permission: "release.read",
  query: ReleaseQuery,
  response: ReleasePage,
  errors: [],
  async handle({ actor, services }, { query }) {
    const page = await services.releases.list(actor, query);
    return { items: [...page.items], total: page.total };
  },
});

export const createRelease = defineRoute({
  method: "post",
  path: "/releases",
  operationId: "createRelease",
  summary: "Compare two branches in the repositories and open a release of what differs",
  tag,
  permission: "release.create",
  body: CreateRelease,
  response: ReleaseView,
  status: 201,
  errors: [ReleaseAlreadyOpen, ReleaseEmpty, RefInvalid, RepositoryUnknown],
  location: ({ number }) => `/releases/${number}`,
  handle: ({ actor, services }, { body }) => services.releases.create(actor, body),
});

export const getRelease = defineRoute({
  method: "get",
  path: "/releases/{number}",
  operationId: "getRelease",
  summary: "One release with its items, sign-offs, order, requirements and what you may do",
  tag,
  permission: "release.read",
  params: byNumber,
  response: ReleaseView,
  errors: [ReleaseNotFound],
  handle: ({ actor, services }, { params }) => services.releases.view(actor, params.number),
});

export const editRelease = defineRoute({
  method: "patch",
  path: "/releases/{number}",
  operationId: "editRelease",
  summary: "Edit the notes or the description of breaking changes",
  tag,
  permission: "release.edit",
  params: byNumber,
  body: PatchRelease,
  response: ReleaseView,
  errors: [ReleaseNotFound, ReleaseClosed, ReleaseChanged],
  handle: ({ actor, services }, { params, body }) =>
    services.releases.edit(actor, params.number, body),
});

export const refreshRelease = defineRoute({
  method: "post",
  path: "/releases/{number}/refresh",
  operationId: "refreshRelease",
  summary: "Read everything again from source control",
  tag,
  permission: "release.refresh",
  params: byNumber,
  response: ReleaseView,
  errors: [ReleaseNotFound, ReleaseClosed, ReleaseBusy],
  handle: ({ actor, services }, { params }) => services.releases.refresh(actor, params.number),
});

export const openPullRequests = defineRoute({
  method: "post",
  path: "/releases/{number}/pull-requests",
  operationId: "openPullRequests",
  summary: "Open the pull requests that a release lacks, all or those of the named repositories",
  tag,
  permission: "release.edit",
  params: byNumber,
  body: OpenPullRequests,
  response: OpenedPullRequests,
  errors: [ReleaseNotFound, ReleaseClosed, ItemNotFound, PullRequestsImpossible],
  handle: ({ actor, services }, { params, body }) =>
    services.releases.openPullRequests(actor, params.number, body),
});

export const editReleaseItem = defineRoute({
  method: "patch",
  path: "/releases/{number}/items/{item}",
  operationId: "editReleaseItem",
  summary: "Exclude or include one service, or change what it depends on, in this release",
  tag,
  permission: "release.edit",
  /** `item` is the item's id or its service's name. */
  params: byNumber.extend({ item: name }),
  body: PatchReleaseItem,
  response: ReleaseView,
  errors: [ReleaseNotFound, ReleaseClosed, ReleaseBusy, ItemNotFound, DependencyInvalid],
  async handle({ actor, services }, { params: { number, item }, body }) {
    if (body.excluded === undefined && body.dependsOn === undefined) {
      throw new InputInvalid({
        problems: [{ pointer: "", message: "say what to change: excluded or dependsOn" }],
      });
    }
    let release = await services.releases.view(actor, number);
    const service = release.items.find(({ id }) => id === item)?.service ?? item;
    // What can be refused for its content goes first, so that a refusal leaves everything as it was.
    if (body.dependsOn !== undefined) {
      release = await services.releases.setDependencies(actor, number, service, body.dependsOn);
    }
    if (body.excluded !== undefined) {
      release = body.excluded
        ? await services.releases.exclude(actor, number, [service], body.excludedReason ?? null)
        : await services.releases.include(actor, number, [service]);
    }
    return release;
  },
});

export const signRelease = defineRoute({
  method: "post",
  path: "/releases/{number}/sign-offs",
  operationId: "signRelease",
  summary: "Approve exactly this content in one role",
  tag,
  permission: "release.sign_off",
  params: byNumber,
  body: CreateSignOff,
  response: ReleaseView,
  status: 201,
  errors: [ReleaseNotFound, ReleaseClosed, RoleUnknown, SignOffRefused, SignOffOutdated],
  location: ({ number }) => `/releases/${number}`,
  handle: ({ actor, services }, { params, body }) =>
    services.releases.signOff(actor, params.number, body),
});

export const revokeSignOff = defineRoute({
  method: "delete",
  path: "/releases/{number}/sign-offs/{role}",
  operationId: "revokeSignOff",
  summary: "Take back your approval; administrators name another signer with `of`",
  tag,
  permission: "release.read",
  params: byNumber.extend({ role: z.string().min(1).max(100) }),
  query: z.object({ of: name.optional() }),
  response: ReleaseView,
  errors: [ReleaseNotFound, ReleaseClosed, ReleaseBusy, RoleUnknown, SignOffNotFound],
  handle: ({ actor, services }, { params, query }) =>
    services.releases.revokeSignOff(actor, params.number, { role: params.role, of: query.of }),
});

export const rejectRelease = defineRoute({
  method: "post",
  path: "/releases/{number}/reject",
  operationId: "rejectRelease",
  summary: "Stop this content from being released, with a reason",
  tag,
  permission: "release.reject",
  params: byNumber,
  body: RejectRelease,
  response: ReleaseView,
  errors: [ReleaseNotFound, ReleaseClosed, ReleaseBusy, SignOffRefused],
  handle: ({ actor, services }, { params, body }) =>
    services.releases.reject(actor, params.number, body.reason),
});

export const liftRejection = defineRoute({
  method: "post",
  path: "/releases/{number}/lift",
  operationId: "liftRejection",
  summary: "Lift a rejection",
  tag,
  permission: "release.lift_rejection",
  params: byNumber,
  response: ReleaseView,
  errors: [ReleaseNotFound, RejectionNotFound],
  handle: ({ actor, services }, { params }) =>
    services.releases.liftRejection(actor, params.number),
});

export const closeRelease = defineRoute({
  method: "post",
  path: "/releases/{number}/close",
  operationId: "closeRelease",
  summary: "Close a release that will not go out",
  tag,
  permission: "release.close",
  params: byNumber,
  body: CloseRelease,
  response: ReleaseView,
  errors: [ReleaseNotFound, ReleaseClosed, ReleaseBusy],
  handle: ({ actor, services }, { params, body }) =>
    services.releases.close(actor, params.number, body.reason),
});

export const planRelease = defineRoute({
  method: "get",
  path: "/releases/{number}/plan",
  operationId: "planRelease",
  summary: "Dry run: gates, order, from and to per service",
  tag,
  permission: "deployment.plan",
  params: byNumber,
  query: z.object({ environment: name.optional() }),
  response: PlanView,
  errors: [ReleaseNotFound, EnvironmentNotFound, EnvironmentMissing],
  handle: ({ actor, services }, { params, query }) =>
    services.deployments.plan(actor, params.number, query.environment),
});

export const deployRelease = defineRoute({
  method: "post",
  path: "/releases/{number}/deploy",
  operationId: "deployRelease",
  summary: "Deploy a release; follow the deployment it answers with",
  tag,
  permission: "deployment.request",
  params: byNumber,
  body: RequestDeployment,
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
  handle: ({ actor, services }, { params, body }) =>
    services.deployments.request(actor, params.number, body),
});

export const getReleaseHistory = defineRoute({
  method: "get",
  path: "/releases/{number}/history",
  operationId: "getReleaseHistory",
  summary: "Every fact about this release, oldest first",
  tag,
  permission: "release.read",
  params: byNumber,
  query: PageQuery,
  response: AuditPage,
  errors: [ReleaseNotFound],
  async handle({ actor, services }, { params, query }) {
    const page = await services.releases.history(actor, params.number, query);
    return { items: [...page.items], total: page.total };
  },
});

export const getReleaseOrder = defineRoute({
  method: "get",
  path: "/releases/{number}/order",
  operationId: "getReleaseOrder",
  summary: "The services in waves, or the cycle that prevents an order",
  tag,
  permission: "release.read",
  params: byNumber,
  response: DeployOrderView,
  errors: [ReleaseNotFound],
  handle: ({ actor, services }, { params }) =>
    services.releases.view(actor, params.number).then(({ order }) => order),
});

export const releaseRoutes = [
  listReleases,
  createRelease,
  getRelease,
  editRelease,
  refreshRelease,
  openPullRequests,
  editReleaseItem,
  signRelease,
  revokeSignOff,
  rejectRelease,
  liftRejection,
  closeRelease,
  planRelease,
  deployRelease,
  getReleaseHistory,
  getReleaseOrder,
] as const;
