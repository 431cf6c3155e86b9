import { z } from "zod";
import {
  SaveService,
  SaveTeam,
  ServicePage,
  ServiceView,
  TeamPage,
  TeamView,
} from "../../../shared/contract/catalog.ts";
import { PageQuery } from "../../../shared/contract/common.ts";
import {
  DependencyInvalid,
  NameTaken,
  RepositoryUnknown,
  ServiceNotFound,
  ServiceReadOnly,
  TeamNotFound,
} from "../../../shared/errors/catalog.ts";
import { defineRoute } from "../route.ts";

const tag = "Services and teams";
const byName = z.object({ name: z.string().min(1).max(200) });

export const listServices = defineRoute({
  method: "get",
  path: "/services",
  operationId: "listServices",
  summary: "Services by name",
  tag,
  permission: "catalog.read",
  query: PageQuery.extend({
    text: z.string().max(200).optional(),
    team: z.string().max(200).optional(),
  }),
  response: ServicePage,
  errors: [],
  async handle({ actor, services }, { query }) {
    const page = await services.catalog.listServices(actor, query);
    return { items: [...page.items], total: page.total };
  },
});

export const getService = defineRoute({
  method: "get",
  path: "/services/{name}",
  operationId: "getService",
  summary: "One service",
  tag,
  permission: "catalog.read",
  params: byName,
  response: ServiceView,
  errors: [ServiceNotFound],
  handle: ({ actor, services }, { params }) => services.catalog.viewService(actor, params.name),
});

export const createService = defineRoute({
  method: "post",
  path: "/services",
  operationId: "createService",
  summary: "Add a service",
  tag,
  permission: "catalog.manage",
  body: SaveService,
  response: ServiceView,
  status: 201,
  errors: [NameTaken, RepositoryUnknown, DependencyInvalid, TeamNotFound],
  location: ({ name }) => `/services/${encodeURIComponent(name)}`,
  handle: ({ actor, services }, { body }) => services.catalog.createService(actor, body),
});

export const updateService = defineRoute({
  method: "put",
  path: "/services/{name}",
  operationId: "updateService",
  summary: "Replace a service; those of config.yaml are read-only",
  tag,
  permission: "catalog.manage",
  params: byName,
  body: SaveService,
  response: ServiceView,
  errors: [ServiceNotFound, ServiceReadOnly, NameTaken, DependencyInvalid, TeamNotFound],
  handle: ({ actor, services }, { params, body }) =>
    services.catalog.updateService(actor, params.name, body),
});

export const removeService = defineRoute({
  method: "delete",
  path: "/services/{name}",
  operationId: "removeService",
  summary: "Remove a service",
  tag,
  permission: "catalog.manage",
  params: byName,
  response: z.undefined(),
  status: 204,
  errors: [ServiceNotFound, ServiceReadOnly],
  async handle({ actor, services }, { params }) {
    await services.catalog.removeService(actor, params.name);
    return undefined;
  },
});

export const listTeams = defineRoute({
  method: "get",
  path: "/teams",
  operationId: "listTeams",
  summary: "Teams by name",
  tag,
  permission: "catalog.read",
  query: PageQuery,
  response: TeamPage,
  errors: [],
  async handle({ actor, services }, { query }) {
    const page = await services.catalog.listTeams(actor, query);
    return { items: [...page.items], total: page.total };
  },
});

export const getTeam = defineRoute({
  method: "get",
  path: "/teams/{name}",
  operationId: "getTeam",
  summary: "One team with its members and services",
  tag,
  permission: "catalog.read",
  params: byName,
  response: TeamView,
  errors: [TeamNotFound],
  handle: ({ actor, services }, { params }) => services.catalog.viewTeam(actor, params.name),
});

export const createTeam = defineRoute({
  method: "post",
  path: "/teams",
  operationId: "createTeam",
  summary: "Add a team",
  tag,
  permission: "catalog.manage",
  body: SaveTeam,
  response: TeamView,
  status: 201,
  errors: [NameTaken],
  location: ({ name }) => `/teams/${encodeURIComponent(name)}`,
  handle: ({ actor, services }, { body }) => services.catalog.createTeam(actor, body),
});

export const updateTeam = defineRoute({
  method: "put",
  path: "/teams/{name}",
  operationId: "updateTeam",
  summary: "Replace a team",
  tag,
  permission: "catalog.manage",
  params: byName,
  body: SaveTeam,
  response: TeamView,
  errors: [TeamNotFound, NameTaken],
  handle: ({ actor, services }, { params, body }) =>
    services.catalog.updateTeam(actor, params.name, body),
});

export const removeTeam = defineRoute({
  method: "delete",
  path: "/teams/{name}",
  operationId: "removeTeam",
  summary: "Remove a team",
  tag,
  permission: "catalog.manage",
  params: byName,
  response: z.undefined(),
  status: 204,
  errors: [TeamNotFound],
  async handle({ actor, services }, { params }) {
    await services.catalog.removeTeam(actor, params.name);
    return undefined;
  },
});

export const catalogRoutes = [
  listServices,
  getService,
  createService,
  updateService,
  removeService,
  listTeams,
  getTeam,
  createTeam,
  updateTeam,
  removeTeam,
] as const;
