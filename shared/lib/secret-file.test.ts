import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readOrCreateSecretFile } from "./secret-file.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-secret-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe(readOrCreateSecretFile.name, () => {
  it("makes the file once, for its owner only, and leaves nothing else behind", async () => {
    const path = join(directory, "inner", "key");
    expect(await readOrCreateSecretFile(path, () => "first")).toBe("first");
    expect(await readOrCreateSecretFile(path, () => "second")).toBe("first");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, "inner"))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(directory, "inner"))).toEqual(["key"]);
  });

  it("gives everybody the same text when many make it at once", async () => {
    const path = join(directory, "key");
    const texts = await Promise.all(
      Array.from({ length: 20 }, (_, index) => readOrCreateSecretFile(path, () => `key ${index}`)),
    );
    expect(new Set(texts).size).toBe(1);
  });
});
