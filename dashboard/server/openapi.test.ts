import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { PERMISSIONS } from "../../shared/app/policies.ts";
import { createOpenApiDocument, printOpenApiDocument } from "./openapi.ts";
import { routes } from "./routes/index.ts";

const document = createOpenApiDocument(routes);

describe(createOpenApiDocument.name, () => {
  it("is what is committed (`npm run openapi` writes it)", async () => {
    const committed = await readFile(new URL("openapi.json", import.meta.url), "utf8");
    expect(printOpenApiDocument(routes) === committed).toBe(true);
  });

  it.each(routes)("describes $method $path with its errors", (route) => {
    const operation = document.paths?.[route.path]?.[route.method];
    expect(operation).toMatchObject({ operationId: route.operationId, summary: route.summary });
    const described = JSON.stringify(operation?.responses);
    for (const { code } of route.errors) {
      expect(described).toContain(`\`${code}\``);
    }
    expect(operation?.responses).toHaveProperty(String(route.status));
  });

  it("names every operation, path and permission once and rightly", () => {
    expect(new Set(routes.map(({ operationId }) => operationId)).size).toBe(routes.length);
    expect(new Set(routes.map(({ method, path }) => `${method} ${path}`)).size).toBe(routes.length);
    const known = new Set<string>([...PERMISSIONS, "signed-in", "public"]);
    expect(routes.filter(({ permission }) => !known.has(permission))).toEqual([]);
  });

  it("refers only to what it defines", () => {
    const references = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)];
    const defined = new Set(Object.keys(document.components?.schemas ?? {}));
    expect(references.filter(([, name = ""]) => !defined.has(name))).toEqual([]);
    expect([...defined]).toContain("CreateRelease");
  });

  it("knows the parameters of every path", () => {
    for (const route of routes) {
      const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(Object.keys(route.params?.shape ?? {}).sort()).toEqual(inPath.sort());
    }
  });
});
