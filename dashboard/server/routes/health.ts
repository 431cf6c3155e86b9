import { Router } from "express";
import type { ConnectionView } from "../../../shared/contract/connection.ts";

/** Which part of the installation this process is. */
export interface PartState {
  /** The parts it runs. */
  readonly services: readonly string[];
  /** Whether it is the one that runs chat now. */
  readonly leads: boolean;
  /** The process that runs chat now; null when none does. */
  readonly leader: string | null;
}

/** `/health/live`: the process answers. `/health/ready`: it can serve, with the state of each connection. */
export function createHealthRouter(
  connections: () => Promise<readonly ConnectionView[]>,
  isDraining: () => boolean,
  part?: () => Promise<PartState>,
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
      ...(await describe()),
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

  async function describe() {
    if (!part) {
      return {};
    }
    const { services, leads, leader } = await part();
    return { services: [...services], chat: { leads, leader } };
  }
}
