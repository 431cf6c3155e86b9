import markdownIt from "markdown-it";
import { describe, expect, it } from "vitest";
import { code, escapeMarkdown, markdownToText, plain } from "./markdown.ts";
import { hostile } from "./testing/sample-cards.ts";

const renderer = markdownIt({ html: true, linkify: true });

describe(escapeMarkdown.name, () => {
  it.each([
    "**bold** _it_ ~~no~~ `code`",
    "[click](https://evil.example)",
    "https://evil.example and www.evil.example",
    "<script>alert(1)</script> &lt;",
    "# title",
    "- list",
    "1. list",
    "> quote",
    "![x](y)",
    "a | b",
    "back\\slash\\",
  ])("shows exactly %j when rendered", (text) => {
    const html = renderer.renderInline(escapeMarkdown(text));
    expect(html).not.toMatch(/<[a-z]/i);
    expect(markdownToText(escapeMarkdown(text))).toBe(text);
  });

  it("shows block markup as words too", () => {
    for (const text of ["# title", "- list", "1. list", "> quote", "===", "```"]) {
      expect(renderer.render(escapeMarkdown(text))).toMatch(/^<p>[^<]*<\/p>\n$/);
    }
  });

  it("drops what hides or reorders, and cuts", () => {
    const escaped = escapeMarkdown(hostile, 100);
    expect(escaped).not.toContain("\u0000");
    expect(escaped).not.toContain("\u202E");
    expect(markdownToText(escaped).length).toBeLessThanOrEqual(100);
  });
});

describe(code.name, () => {
  it("cannot be left by a back-tick", () => {
    expect(code("a`b` <b>")).toBe("`a'b' <b>`");
    expect(renderer.renderInline(code("a`b` <b>"))).toBe("<code>a'b' &lt;b&gt;</code>");
  });

  it("is nothing for nothing", () => {
    expect(code("\u200B")).toBe("");
  });
});

describe(plain.name, () => {
  it("is one clean line", () => {
    expect(plain("a\nb\u202E  c")).toBe("a b c");
  });
});

describe(markdownToText.name, () => {
  it("reads entities as the characters they stand for", () => {
    expect(markdownToText("the field &#96;error&#96;")).toBe("the field `error`");
  });

  it("keeps addresses and commands", () => {
    expect(markdownToText("**Ready**: [#12](https://x.example/12), say `deploy 12`")).toBe(
      "Ready: #12 (https://x.example/12), say `deploy 12`",
    );
  });
});
