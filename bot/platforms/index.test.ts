import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { platforms } from "./index.ts";

describe("the registry of chat platforms", () => {
  it("lists exactly the folders there are", () => {
    const folders = readdirSync(new URL(".", import.meta.url), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(platforms.map((platform) => platform.id).sort()).toEqual(folders.sort());
  });

  it("accepts an empty section for the room", () => {
    expect(platforms.find(({ id }) => id === "room")?.options.parse({})).toEqual({ enabled: true });
  });
});
