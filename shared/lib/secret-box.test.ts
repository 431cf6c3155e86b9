import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createSecretBox, openSecretBox } from "./secret-box.ts";

const folder = mkdtempSync(join(tmpdir(), "slipway-box-"));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe(createSecretBox.name, () => {
  it("gives back what was sealed, and seals the same text differently each time", () => {
    const box = createSecretBox(randomBytes(32));

    expect(box.open(box.seal("refresh-token"))).toBe("refresh-token");
    expect(box.seal("refresh-token")).not.toBe(box.seal("refresh-token"));
    expect(box.seal("refresh-token")).not.toContain("refresh-token");
  });

  it.each([
    ["another key", (sealed: string) => createSecretBox(randomBytes(32)).open(sealed)],
    [
      "a changed text",
      (sealed: string, box: ReturnType<typeof createSecretBox>) => {
        const bytes = Buffer.from(sealed, "base64url");
        bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
        return box.open(bytes.toString("base64url"));
      },
    ],
    [
      "nonsense",
      (_sealed: string, box: ReturnType<typeof createSecretBox>) => box.open("nonsense"),
    ],
  ])("opens nothing with %s", (_what, open) => {
    const box = createSecretBox(randomBytes(32));

    expect(open(box.seal("refresh-token"), box)).toBeNull();
  });
});

describe(openSecretBox.name, () => {
  it("keeps its key between starts, readable by its owner only", async () => {
    const file = join(folder, "secret.key");
    const sealed = (await openSecretBox(file)).seal("refresh-token");

    expect((await openSecretBox(file)).open(sealed)).toBe("refresh-token");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toMatch(/^[0-9a-f]{64}$/);
  });
});
