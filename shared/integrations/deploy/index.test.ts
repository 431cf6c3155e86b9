import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ProviderNotConfigured } from "../../errors/catalog.ts";
import { createManualClock } from "../../testing/clock.ts";
import { createDeployTarget, deployTargets } from "./index.ts";

const deps = {
  environment: "prod",
  baseDir: "/",
  processEnvironment: {},
  secrets: [],
  clock: createManualClock(),
  repositoryFiles: { read: async () => null, resolve: async () => "" },
};

describe("the list of deploy targets", () => {
  it("is the list of folders", () => {
    const folders = readdirSync(import.meta.dirname, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(deployTargets.map(({ kind }) => kind).sort()).toEqual(folders.sort());
  });

  it.each(deployTargets.map(({ kind, options }) => [kind, options] as const))(
    "%s knows which keys it has",
    (_kind, options) => {
      const json = z.toJSONSchema(options, { io: "input", unrepresentable: "any" });
      expect(json.additionalProperties).toBe(false);
    },
  );

  it("makes a target by its kind and refuses an unknown one", () => {
    const options = deployTargets[0]?.options.parse({ apply: ["a"], observe: ["b"] });
    expect(createDeployTarget({ kind: "command", options }, deps).id).toBe("command");
    expect(() => createDeployTarget({ kind: "nomad", options }, deps)).toThrow(
      ProviderNotConfigured,
    );
  });
});
