import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readInstallationKeys } from "./installation-keys.ts";
import { createSecretBox } from "./secret-box.ts";

let dataDirectory: string;

beforeEach(() => {
  dataDirectory = mkdtempSync(join(tmpdir(), "slipway-keys-"));
});
afterEach(() => rmSync(dataDirectory, { recursive: true, force: true }));

describe(readInstallationKeys.name, () => {
  it("makes keys in the data folder once, readable by their owner only", async () => {
    const first = await readInstallationKeys({ dataDirectory, secret: null });
    const file = join(dataDirectory, "secret.key");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toMatch(/^[0-9a-f]{64}$/);
    expect(await readInstallationKeys({ dataDirectory, secret: null })).toEqual(first);
    expect(createSecretBox(first.box).open(createSecretBox(first.box).seal("token"))).toBe("token");
  });

  it("gives the same keys for the same secret on every machine, and others for another", async () => {
    const other = join(dataDirectory, "another-machine");
    const keys = await readInstallationKeys({ dataDirectory, secret: "one" });
    expect(await readInstallationKeys({ dataDirectory: other, secret: "one" })).toEqual(keys);
    const different = await readInstallationKeys({ dataDirectory, secret: "two" });
    expect(different.fingerprint).not.toBe(keys.fingerprint);
    expect(keys.cookie).not.toBe(keys.box.toString("base64url"));
  });
});
