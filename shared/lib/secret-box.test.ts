import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createSecretBox } from "./secret-box.ts";

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
