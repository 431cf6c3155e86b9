import { z } from "zod";
import { PERMISSIONS } from "../../../shared/app/policies.ts";
import { AccountView } from "../../../shared/contract/accounts.ts";
import { ApiTokenView, CreateApiToken, CreatedApiToken, Me } from "../../../shared/contract/me.ts";
import { Installation } from "../../../shared/contract/installation.ts";
import {
  NotificationSettings,
  PatchNotificationSettings,
} from "../../../shared/contract/notifications.ts";
import { EndedSessions, SessionList } from "../../../shared/contract/session.ts";
import { PersonRef } from "../../../shared/contract/common.ts";
import { AccountNotFound, SessionNotFound } from "../../../shared/errors/catalog.ts";
import { defineRoute } from "../route.ts";

const tag = "Me";

export const getMe = defineRoute({
  method: "get",
  path: "/me",
  operationId: "getMe",
  summary: "Who is signed in, with which roles",
  tag,
  permission: "signed-in",
  response: Me,
  errors: [],
  async handle({ actor, services, csrfToken, identityProvider }) {
    return {
      subject: actor.subject,
      username: actor.username,
      name: actor.name,
      email: actor.email,
      roles: [...services.people.roles(actor)],
      permissions: PERMISSIONS.filter((permission) => services.can(actor, permission)),
      identityProvider,
      csrfToken,
    };
  },
});

export const listTokens = defineRoute({
  method: "get",
  path: "/me/tokens",
  operationId: "listTokens",
  summary: "Own API tokens, without their secrets",
  tag,
  permission: "token.manage_own",
  response: z.object({ items: z.array(ApiTokenView), total: z.number().int() }),
  errors: [],
  async handle({ actor, services }) {
    const items = await services.people.listTokens(actor);
    return { items: [...items], total: items.length };
  },
});

export const createToken = defineRoute({
  method: "post",
  path: "/me/tokens",
  operationId: "createToken",
  summary: "Make an API token; its secret is shown this once",
  tag,
  permission: "token.manage_own",
  body: CreateApiToken,
  response: CreatedApiToken,
  status: 201,
  errors: [],
  location: ({ id }) => `/me/tokens/${encodeURIComponent(id)}`,
  handle: ({ actor, services }, { body }) => services.people.createToken(actor, body),
});

export const revokeToken = defineRoute({
  method: "delete",
  path: "/me/tokens/{id}",
  operationId: "revokeToken",
  summary: "Revoke an API token",
  tag,
  permission: "token.manage_own",
  params: z.object({ id: z.string().max(100) }),
  response: z.undefined(),
  status: 204,
  errors: [],
  handle: ({ actor, services }, { params }) =>
    services.people.revokeToken(actor, params.id).then(() => undefined),
});

export const listAccounts = defineRoute({
  method: "get",
  path: "/me/accounts",
  operationId: "listAccounts",
  summary: "Chat accounts that act for the person who is signed in",
  tag,
  permission: "signed-in",
  response: z.object({ items: z.array(AccountView), total: z.number().int() }),
  errors: [],
  async handle({ actor, services }) {
    const items = await services.accounts.list(actor);
    return { items: [...items], total: items.length };
  },
});

export const unlinkAccount = defineRoute({
  method: "delete",
  path: "/me/accounts/{id}",
  operationId: "unlinkAccount",
  summary: "Unlink a chat account: nobody can act through it any more",
  tag,
  permission: "signed-in",
  params: z.object({ id: z.string().max(100) }),
  response: z.undefined(),
  status: 204,
  errors: [AccountNotFound],
  handle: ({ actor, services }, { params }) =>
    services.accounts.unlink(actor, params.id).then(() => undefined),
});

export const listSessions = defineRoute({
  method: "get",
  path: "/me/sessions",
  operationId: "listSessions",
  summary: "Own sessions: the browsers the person is signed in with",
  tag,
  permission: "signed-in",
  response: SessionList,
  errors: [],
  async handle({ actor, services, sessionId }) {
    const items = await services.sessions.listOwn(actor, sessionId);
    return { items: [...items], total: items.length };
  },
});

export const endSession = defineRoute({
  method: "delete",
  path: "/me/sessions/{id}",
  operationId: "endSession",
  summary: "End an own session",
  tag,
  permission: "signed-in",
  params: z.object({ id: z.string().max(100) }),
  response: z.undefined(),
  status: 204,
  errors: [SessionNotFound],
  handle: ({ actor, services }, { params }) =>
    services.sessions.endOwn(actor, params.id).then(() => undefined),
});

export const endOtherSessions = defineRoute({
  method: "delete",
  path: "/me/sessions",
  operationId: "endOtherSessions",
  summary: "End every own session but the one that asks: with an API token, all of them",
  tag,
  permission: "signed-in",
  response: EndedSessions,
  errors: [],
  async handle({ actor, services, sessionId }) {
    return { ended: await services.sessions.endOthers(actor, sessionId) };
  },
});

export const getNotifications = defineRoute({
  method: "get",
  path: "/me/notifications",
  operationId: "getNotifications",
  summary: "How Slipway writes to the person who is signed in",
  tag,
  permission: "signed-in",
  response: NotificationSettings,
  errors: [],
  handle: ({ actor, services }) => services.notifications.settings(actor.subject),
});

export const changeNotifications = defineRoute({
  method: "patch",
  path: "/me/notifications",
  operationId: "changeNotifications",
  summary: "Change when and where Slipway writes; what is left out stays as it is",
  tag,
  permission: "signed-in",
  body: PatchNotificationSettings,
  response: NotificationSettings,
  errors: [],
  handle: ({ actor, services }, { body }) => services.notifications.change(actor, body),
});

export const getInstallation = defineRoute({
  method: "get",
  path: "/installation",
  operationId: "getInstallation",
  summary: "What this installation offers: environments, roles, repositories",
  tag,
  permission: "signed-in",
  response: Installation,
  errors: [],
  async handle({ services: { installation } }) {
    return {
      baseUrl: installation.baseUrl,
      environments: installation.environments.map(({ name, branch }) => ({ name, branch })),
      signOffRoles: [...installation.signOffRoles],
      chats: [...installation.chats],
      repositories: [...(await installation.repositories())],
      announce: [...installation.announce],
      sample: installation.sample,
    };
  },
});

export const findPeople = defineRoute({
  method: "get",
  path: "/people",
  operationId: "findPeople",
  summary: "People who have signed in, by name",
  tag,
  permission: "catalog.read",
  query: z.object({ text: z.string().max(200).default("") }),
  response: z.object({ items: z.array(PersonRef), total: z.number().int() }),
  errors: [],
  async handle({ services }, { query }) {
    const items = await services.people.find(query.text);
    return { items: [...items], total: items.length };
  },
});

export const meRoutes = [
  getMe,
  listTokens,
  createToken,
  revokeToken,
  listAccounts,
  unlinkAccount,
  listSessions,
  endSession,
  endOtherSessions,
  getNotifications,
  changeNotifications,
  getInstallation,
  findPeople,
] as const;
