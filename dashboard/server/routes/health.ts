import { Router } from "express";
import type { ConnectionView } from "../../../shared/contract/connection.ts";

/** `/health/live`: the process answers. `/health/ready`: it can serve, with the state of each connection. */
export function createHealthRouter(
  connections: () => Promise<readonly ConnectionView[]>,
  isDraining: () => boolean,
): Router {
  const router = Router();
  router.use((_req, res, next) => {
    res.set("Cache-Control", "no-store");
    next();
  });
  router.get("/live", (_req, res) => {
    res.json({ status: "live" });
  });
  router.get("/ready", async (_req, res) => {
    const all = await connections();
    const isReady =
      !isDraining() && all.every(({ state, required }) => state === "up" || !required);
    res.status(isReady ? 200 : 503).json({
      status: isReady ? "ready" : "not_ready",
      connections: all.map(({ name, state, required, detail }) => ({
        name,
        state,
        required,
        detail,
      })),
    });
  });
  return router;
}
