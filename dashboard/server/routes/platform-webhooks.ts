import express, { Router } from "express";
import { RouteNotFound } from "../../../shared/errors/catalog.ts";
import { BODY_LIMIT } from "../problem.ts";

/**
 * Takes what a chat platform sends by HTTP. Checks the sender's signature itself, over exactly these bytes. Without `json` the
 * answer has no body.
 */
export type PlatformWebhook = (request: {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}) => Promise<{ readonly status: number; readonly json: unknown }>;

/** `/hooks/{platform}`: hands requests of chat platforms to whoever knows them. */
export function createPlatformWebhooks(webhooks: ReadonlyMap<string, PlatformWebhook>): Router {
  const router = Router();
  router.post(
    "/:platform",
    express.text({ type: () => true, limit: BODY_LIMIT }),
    async (req, res) => {
      const webhook = webhooks.get(req.params.platform);
      if (!webhook) {
        throw new RouteNotFound({ method: req.method, path: "/hooks" });
      }
      const body: unknown = req.body;
      const { status, json } = await webhook({
        headers: Object.fromEntries(
          Object.entries(req.headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.join(", ") : value,
          ]),
        ),
        body: typeof body === "string" ? body : "",
      });
      if (json === undefined) {
        // Some platforms take any body for words they should say.
        res.status(status).end();
      } else {
        res.status(status).json(json);
      }
    },
  );
  return router;
}
