import { once } from "node:events";
import type { Server } from "node:http";
import { createHealthApp } from "../../dashboard/server/app.ts";
import type { PartState } from "../../dashboard/server/routes/health.ts";
import type { ConnectionView } from "../../shared/contract/connection.ts";
import type { Drainer } from "../../shared/lib/drainer.ts";
import type { Stoppable } from "./running-service.ts";

/** Answers about the health of a process without the web part, and nothing else. */
export function startHealth(deps: {
  readonly server: Server;
  readonly connections: () => Promise<readonly ConnectionView[]>;
  readonly part: () => Promise<PartState>;
  readonly drainer: Drainer;
}): Stoppable {
  const { server, connections, part, drainer } = deps;
  const isDraining = () => drainer.isDraining;
  server.removeAllListeners("request");
  server.on("request", createHealthApp({ connections, part, isDraining }));
  return {
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
