import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ProviderNotConfigured } from "../../errors/catalog.ts";
import { createScm, scmProviders, scmSchemas } from "./index.ts";

const deps = { id: "git:0", dataDirectory: "/nowhere", baseDir: "/", processEnvironment: {} };

describe("the list of source control providers", () => {
  it("is the list of folders", () => {
    const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(scmProviders.map(({ provider }) => provider).sort()).toEqual(folders.sort());
    expect(Object.keys(scmSchemas).sort()).toEqual(folders.sort());
  });

  it.each(scmProviders.map(({ provider, options }) => [provider, options] as const))(
    "%s knows which keys it has",
    (_provider, options) => {
      const json = z.toJSONSchema(options, { io: "input", unrepresentable: "any" });
      expect(json.additionalProperties).toBe(false);
    },
  );

  it("makes a provider by its kind and refuses an unknown one", () => {
    const options = scmSchemas["git"]?.parse({ root: "repos" });
    expect(createScm({ provider: "git", options }, deps).id).toBe("git:0");
    expect(() => createScm({ provider: "svn", options }, deps)).toThrow(ProviderNotConfigured);
  });
});
