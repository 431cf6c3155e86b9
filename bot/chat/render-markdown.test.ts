import { describe, expect, it } from "vitest";
import { renderMarkdown, type Dialect } from "./render-markdown.ts";

/** Markup that shows which function drew what. */
const dialect: Dialect = {
  text: (text) => text.replace(/[<>]/g, "?"),
  code: (text) => `c(${text})`,
  codeBlock: (text) => `block(${text})`,
  strong: (inner) => `b(${inner})`,
  emphasis: (inner) => `i(${inner})`,
  strike: (inner) => `s(${inner})`,
  link: (inner, url) => `a(${inner}|${url})`,
  heading: (inner, level) => `h${level}(${inner})`,
  quote: (inner) => `q(${inner})`,
  listItem: (inner, mark) => `${mark} ${inner}`,
  table: (columns, rows) => [columns, ...rows].map((row) => row.join("|")).join("\n"),
  rule: "---",
  more: " …",
};

describe(renderMarkdown.name, () => {
  it.each([
    ["**bold** *slanted* ~~gone~~ `x < y`", "b(bold) i(slanted) s(gone) c(x < y)"],
    ["## Heading\n\ntext", "h2(Heading)\n\ntext"],
    ["```\na\nb\n```", "block(a\nb)"],
    ["> said\n>\n> twice", "q(said\n\ntwice)"],
    ["- one\n- two\n\n3. three\n4. four", "- one\n- two\n\n3. three\n4. four"],
    ["| a | b |\n| --- | --- |\n| 1 | **2** |", "a|b\n1|b(2)"],
    ["[here](https://slipway.example.com/x)", "a(here|https://slipway.example.com/x)"],
    // A picture is loaded by nobody.
    ["![alt](https://slipway.example.com/x.png)", "a(alt|https://slipway.example.com/x.png)"],
    ["***", "---"],
    ["one\ntwo", "one\ntwo"],
    ["\\*not bold\\* \\[x\\]\\(y\\)", "*not bold* [x](y)"],
    ["<script>alert(1)</script>", "?script?alert(1)?/script?"],
    ["    indented", "indented"],
    ["turned \u202E around\u0000", "turned  around"],
    ["", ""],
  ])("draws %j", (markdown, expected) => {
    expect(renderMarkdown(markdown, dialect, 1_000)).toBe(expected);
  });

  it.each([["javascript:alert(1)"], ["data:text/html,x"], ["/relative"], ["vbscript:x"]])(
    "shows a link to %s as text",
    (url) => {
      const drawn = renderMarkdown(`[click](${url})`, dialect, 1_000);
      expect(drawn).not.toContain("a(");
      expect(drawn).toContain("click");
    },
  );

  it.each([
    ["long ".repeat(500), 100],
    [`**${"bold ".repeat(500)}**`, 100],
    ["- item\n".repeat(500), 100],
    [`| a |\n| --- |\n${"| cell |\n".repeat(300)}`, 100],
    [`\`\`\`\n${"line\n".repeat(300)}\`\`\``, 100],
    ["x".repeat(5_000), 100],
  ])("cuts what is too much with its markup closed: %.20j…", (markdown, limit) => {
    const drawn = renderMarkdown(markdown, dialect, limit);
    expect(drawn.length).toBeLessThanOrEqual(limit);
    expect(drawn.length).toBeGreaterThan(limit / 3);
    expect(drawn.endsWith(" …")).toBe(true);
    expect(drawn.split("(").length).toBe(drawn.split(")").length);
  });

  it("survives nesting that nobody writes by hand", () => {
    const drawn = renderMarkdown(`${"> ".repeat(5_000)}deep`, dialect, 1_000);
    expect(drawn.length).toBeLessThanOrEqual(1_000);
  });
});
