import { z } from "zod";
import { AccountView, LinkRequestView } from "../../../shared/contract/accounts.ts";
import {
  AccountTaken,
  LinkExpired,
  LinkNeedsSignIn,
  LinkUnknown,
  LinkUsed,
} from "../../../shared/errors/catalog.ts";
import { defineRoute } from "../route.ts";

const tag = "Me";
const errors = [AccountTaken, LinkExpired, LinkNeedsSignIn, LinkUnknown, LinkUsed];
const params = z.object({ token: z.string().max(100) });

export const getLinkRequest = defineRoute({
  method: "get",
  path: "/links/{token}",
  operationId: "getLinkRequest",
  summary: "Which chat account a private link would give to the person who is signed in",
  tag,
  permission: "signed-in",
  params,
  response: LinkRequestView,
  errors,
  handle: ({ actor, services }, { params: { token } }) =>
    services.accounts.linkRequest(actor, token),
});

export const linkAccount = defineRoute({
  method: "post",
  path: "/links/{token}",
  operationId: "linkAccount",
  summary: "Link the chat account behind a private link to the person who is signed in",
  tag,
  permission: "signed-in",
  params,
  response: AccountView,
  errors,
  handle: ({ actor, services }, { params: { token } }) => services.accounts.link(actor, token),
});

export const linkRoutes = [getLinkRequest, linkAccount] as const;
