import { describe, expect, it } from "vitest";
import { createRedactor } from "./redact.ts";

describe(createRedactor.name, () => {
  it.each([
    ["plain", "using s3cr3t/value&x now", "using [secret] now"],
    ["URL-encoded", "q=s3cr3t%2Fvalue%26x", "q=[secret]"],
    ["twice", "s3cr3t/value&x s3cr3t/value&x", "[secret] [secret]"],
  ])("hides a known value %s", (_form, text, shown) => {
    expect(createRedactor(["s3cr3t/value&x"])(text)).toBe(shown);
  });

  it("hides each line of a multi-line secret and the longest secret first", () => {
    const redact = createRedactor(["line-one\nline-two", "abcdef", "abcdefghi"]);
    expect(redact("x line-two y")).toBe("x [secret] y");
    expect(redact("abcdefghi")).toBe("[secret]");
  });

  it("leaves short values and ordinary text alone", () => {
    const text = "deployed api-gateway 1.4.2 (token bucket refilled) to https://example.com/a@b";
    expect(createRedactor(["dev", ""])(text)).toBe(text);
  });

  it.each([
    ["https://ci:p4ss@git.example.com/x.git", "p4ss"],
    ["postgres://app:p4ss@db/shop", "p4ss"],
    ["Authorization: Bearer abc.def-ghi_jkl", "abc.def"],
    ["password=p4ss", "p4ss"],
    ["DB_PASSWORD: p4ss", "p4ss"],
    ["api_key=abc123", "abc123"],
    [`ghp_${"a".repeat(36)}`, "aaaa"],
    [`glpat-${"b".repeat(20)}`, "bbbb"],
    ["xoxb-123456789012-abcdef", "123456789012"],
    [`eyJ${"h".repeat(20)}.${"p".repeat(20)}.${"s".repeat(20)}`, "pppp"],
  ])("hides the credential in %s", (text, credential) => {
    const shown = createRedactor()(text);
    expect(shown).toContain("[secret]");
    expect(shown).not.toContain(credential);
  });

  it("keeps a JSON line valid", () => {
    const line = JSON.stringify({ msg: 'token="abc" url=https://u:p@h/x', password: "p4ss" });
    expect(() => JSON.parse(createRedactor(["p4ss-word"])(line)) as unknown).not.toThrow();
  });
});
