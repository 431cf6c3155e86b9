import { z } from "zod";
import { BackgroundWork, BackgroundWorkPage } from "../../../shared/contract/background-work.ts";
import { PageQuery } from "../../../shared/contract/common.ts";
import { WorkNotFound, WorkUnwanted } from "../../../shared/errors/catalog.ts";
import { defineRoute } from "../route.ts";

const tag = "Background work";

export const listBackgroundWork = defineRoute({
  method: "get",
  path: "/background-work",
  operationId: "listBackgroundWork",
  summary: "Background work that gave up: jobs, and facts nobody could be told",
  tag,
  permission: "work.manage",
  query: PageQuery,
  response: BackgroundWorkPage,
  errors: [],
  async handle({ actor, services }, { query }) {
    const page = await services.backgroundWork.list(actor, query);
    return { items: [...page.items], total: page.total };
  },
});

export const retryBackgroundWork = defineRoute({
  method: "post",
  path: "/background-work/{id}/retry",
  operationId: "retryBackgroundWork",
  summary: "Start background work again that gave up",
  tag,
  permission: "work.manage",
  params: z.object({ id: z.string().min(1).max(50) }),
  response: BackgroundWork,
  status: 202,
  errors: [WorkNotFound, WorkUnwanted],
  handle: ({ actor, services }, { params }) => services.backgroundWork.retry(actor, params.id),
});

export const backgroundWorkRoutes = [listBackgroundWork, retryBackgroundWork] as const;
