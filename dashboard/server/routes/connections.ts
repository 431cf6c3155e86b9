import { ConnectionList } from "../../../shared/contract/connection.ts";
import { defineRoute } from "../route.ts";

export const listConnections = defineRoute({
  method: "get",
  path: "/connections",
  operationId: "listConnections",
  summary: "What this process is connected to, with the request allowances of the other side",
  tag: "Connections",
  permission: "environment.read",
  response: ConnectionList,
  errors: [],
  async handle({ connections }) {
    return { items: [...(await connections())] };
  },
});

export const connectionRoutes = [listConnections] as const;
