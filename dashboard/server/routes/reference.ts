import { createRequire } from "node:module";
import { dirname } from "node:path";
import express, { Router } from "express";
import { createOpenApiDocument } from "../openapi.ts";
import type { Route } from "../route.ts";

const require = createRequire(import.meta.url);

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API reference · Slipway</title>
<link rel="stylesheet" href="/api/v1/docs/swagger-ui.css">
<link rel="icon" href="/api/v1/docs/favicon-32x32.png">
<script src="/api/v1/docs/swagger-ui-bundle.js" defer></script>
<script src="/api/v1/docs/start.js" defer></script>
</head>
<body>
<div id="reference"></div>
</body>
</html>
`;

/** Adds the CSRF token of a signed-in browser, so that "Try it out" works for it. */
const start = `let token;
async function csrfToken() {
  token ??= fetch("/api/v1/me").then((answer) => (answer.ok ? answer.json() : {})).then((me) => me.csrfToken);
  return token;
}
window.SwaggerUIBundle({
  url: "/api/v1/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor: async (request) => {
    if (request.method && !["GET", "HEAD"].includes(request.method.toUpperCase())) {
      const value = await csrfToken();
      if (value) {
        request.headers["X-CSRF-Token"] = value;
      }
    }
    return request;
  },
});
`;

/**
 * Where the files of the page are. Importing the package would load its whole bundle into this process, 14 MB that only
 * browsers need.
 */
const assets = dirname(require.resolve("swagger-ui-dist/package.json"));

/** `/api/v1/openapi.json` and, as a page made of files on this disk, `/api/v1/docs`. Open to everybody. */
export function createReference(routes: readonly Route[]): Router {
  const router = Router();
  let document: string | undefined;
  router.get("/openapi.json", (_req, res) => {
    document ??= JSON.stringify(createOpenApiDocument(routes));
    res.set("Cache-Control", "no-cache").type("json").send(document);
  });
  router.get("/docs", (_req, res) => {
    res.set("Cache-Control", "no-cache").type("html").send(page);
  });
  router.get("/docs/start.js", (_req, res) => {
    res.set("Cache-Control", "no-cache").type("js").send(start);
  });
  router.use("/docs", express.static(assets, { index: false, maxAge: "1d", redirect: false }));
  return router;
}
