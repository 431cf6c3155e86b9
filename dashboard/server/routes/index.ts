import type { Route } from "../route.ts";
import { auditRoutes } from "./audit.ts";
import { backgroundWorkRoutes } from "./background-work.ts";
import { catalogRoutes } from "./catalog.ts";
import { connectionRoutes } from "./connections.ts";
import { deploymentRoutes } from "./deployments.ts";
import { environmentRoutes } from "./environments.ts";
import { eventRoutes } from "./events.ts";
import { linkRoutes } from "./links.ts";
import { meRoutes } from "./me.ts";
import { releaseRoutes } from "./releases.ts";
import { roomRoutes } from "./room.ts";

/** Every route of `/api/v1`, in the order of the reference. */
export const routes: readonly Route[] = [
  ...meRoutes,
  ...linkRoutes,
  ...releaseRoutes,
  ...deploymentRoutes,
  ...environmentRoutes,
  ...catalogRoutes,
  ...auditRoutes,
  ...connectionRoutes,
  ...backgroundWorkRoutes,
  ...roomRoutes,
  ...eventRoutes,
];
