import { describe, expect, it } from "vitest";
import { alignTable, renderRemark, renderRichText } from "./rich-text.ts";

const text = (words: string, style?: object) => ({
  type: "text",
  text: words,
  ...(style ? { style } : {}),
});
const section = (...elements: readonly object[]) => ({ type: "rich_text_section", elements });

describe(renderRichText.name, () => {
  it.each<[string, string, readonly object[]]>([
    [
      "markup",
      "**b** *i* ~~s~~ `c` ***bi***",
      [
        section(
          text("b", { bold: true }),
          text(" "),
          text("i", { italic: true }),
          text(" "),
          text("s", { strike: true }),
          text(" "),
          text("c", { code: true }),
          text(" "),
          text("bi", { italic: true, bold: true }),
        ),
      ],
    ],
    ["paragraphs and lines", "one\ntwo\n\nthree", [section(text("one\ntwo\n\nthree"))]],
    ["a heading", "# Big\nsmall", [section(text("Big", { bold: true }), text("\n\nsmall"))]],
    [
      "a link",
      "[**notes**](https://example.com/a?b=1)",
      [section({ type: "link", url: "https://example.com/a?b=1", text: "notes" })],
    ],
    [
      "a link that leads nowhere good",
      "[x](javascript:alert(1))",
      [section(text("[x](javascript:alert(1))"))],
    ],
    [
      "code",
      "```\na < b && *c*\n```",
      [{ type: "rich_text_preformatted", elements: [text("a < b && *c*")] }],
    ],
    ["a quotation", "> one\n> two", [{ type: "rich_text_quote", elements: [text("one\ntwo")] }]],
    [
      "a list",
      "- one\n- two",
      [
        {
          type: "rich_text_list",
          style: "bullet",
          indent: 0,
          elements: [section(text("one")), section(text("two"))],
        },
      ],
    ],
    [
      "lists inside each other, counted on",
      "3. three\n   - inner\n4. four",
      [
        {
          type: "rich_text_list",
          style: "ordered",
          indent: 0,
          elements: [section(text("three"))],
          offset: 2,
        },
        {
          type: "rich_text_list",
          style: "bullet",
          indent: 1,
          elements: [section(text("inner"))],
        },
        {
          type: "rich_text_list",
          style: "ordered",
          indent: 0,
          elements: [section(text("four"))],
          offset: 3,
        },
      ],
    ],
    [
      "a table",
      "| a | b |\n|---|---|\n| one | **2** |",
      [{ type: "rich_text_preformatted", elements: [text("a    b\n───  ─\none  2")] }],
    ],
    ["a rule", "one\n\n---\n\ntwo", [section(text("one\n\n———\n\ntwo"))]],
    ["nothing", "", []],
  ])("draws %s", (_what, markdown, expected) => {
    expect(renderRichText(markdown, 3_000)).toEqual(expected);
  });

  it.each([
    "<!channel> <@U0DANA> <!subteam^S1|x> \\<https://evil.example|safe>",
    "\\*not bold\\* \\_nor\\_ this :fire:",
    "&lt;!here&gt;",
  ])("shows %s as it is: an element of text and nothing else", (markdown) => {
    const [drawn] = renderRichText(markdown, 3_000);
    expect(drawn).toEqual(
      section(text(markdown.replace(/\\/g, "").replace("&lt;", "<").replace("&gt;", ">"))),
    );
  });

  it("leaves out what nobody can see", () => {
    expect(renderRichText("a\u202Eb\u0000c\u200Bd", 100)).toEqual([section(text("abcd"))]);
  });

  it("cuts what is too long, between words, and says so", () => {
    const [drawn] = renderRichText("word ".repeat(100), 50);
    expect(drawn).toEqual(section(text(`${"word ".repeat(8)}word\n…`)));
  });
});

describe(renderRemark.name, () => {
  it("draws a remark as a quotation", () => {
    expect(renderRemark("Say `help`.", 100)).toEqual([
      {
        type: "rich_text_quote",
        elements: [text("Say "), text("help", { code: true }), text(".")],
      },
    ]);
  });
});

describe(alignTable.name, () => {
  it("puts columns below each other, also where cells are missing", () => {
    expect(alignTable(["Service", "Commits"], [["auth-service", "3"], ["x"]])).toBe(
      ["Service       Commits", "────────────  ───────", "auth-service  3", "x"].join("\n"),
    );
  });
});
