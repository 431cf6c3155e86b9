import { existsSync } from "node:fs";
import { join } from "node:path";
import express, { Router } from "express";
import { plainPage, PLAIN_PAGE_STYLESHEET } from "./auth/pages.ts";

/** Paths that are never pages: an unknown one there is an error, not the dashboard. */
const NOT_PAGES = /^\/(api|auth|idp|health|hooks|metrics|assets|room\/socket)(\/|$)/;

const ONE_YEAR = "365d";

/**
 * The dashboard's files. Names under `/assets` carry a hash and may be kept for ever; `index.html` is asked for again each
 * time and answers for every page's address.
 */
export function createStaticPages(webRoot: string): Router {
  const router = Router();
  const index = join(webRoot, "index.html");

  router.use(
    "/assets",
    express.static(join(webRoot, "assets"), {
      immutable: true,
      maxAge: ONE_YEAR,
      index: false,
      redirect: false,
    }),
  );
  router.use(express.static(webRoot, { index: false, maxAge: "1h", redirect: false }));
  router.get("/{*path}", (req, res, next) => {
    if (NOT_PAGES.test(req.path) || !req.accepts("html")) {
      next();
      return;
    }
    res.set("Cache-Control", "no-cache");
    if (!existsSync(index)) {
      res.status(503).type("html").send(notBuilt);
      return;
    }
    res.sendFile(index, { cacheControl: false });
  });
  return router;
}

const notBuilt = plainPage({
  title: "The pages are not built",
  stylesheet: PLAIN_PAGE_STYLESHEET,
  body: `<p>The server runs, but its pages are missing. Run <code>npm run build</code> and restart.</p>
<p><a class="button" href="/api/v1/docs">API reference</a></p>`,
});
