import { Router } from "express";
import type { LinkView } from "../../../shared/contract/link.ts";

/** One connection of this process to something else, as readiness lists it. */
export interface ConnectionState {
  /** E.g. `database`, `chat:room`, `identity-provider`. */
  readonly name: string;
  readonly state: "up" | "down" | "starting";
  /** Without a required one, requests cannot be served. */
  readonly required: boolean;
  /** A few words; null when there is nothing to say. */
  readonly detail: string | null;
  /** Of a connection that stays open. */
  readonly link?: LinkView;
}

/** `/health/live`: the process answers. `/health/ready`: it can serve, with the state of each connection. */
export function createHealthRouter(
  connections: () => Promise<readonly ConnectionState[]>,
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
      connections: all.map(({ name, state, required, detail, link }) => ({
        name,
        state,
        required,
        detail,
        ...(link ? { link } : {}),
      })),
    });
  });
  return router;
}
