import MarkdownIt from "markdown-it";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  breakingChanges,
  draftReleaseNotes,
  parseConventionalCommit,
  type ConventionalCommit,
  type ServiceCommits,
} from "./release-notes.ts";

describe(parseConventionalCommit.name, () => {
  it.each<[string, string, Partial<ConventionalCommit>]>([
    ["feat: add login", "", { type: "feat", scope: null, subject: "add login", breaking: null }],
    ["Fix(api): typo", "", { type: "fix", scope: "api", subject: "typo" }],
    ["feat(api)!: new tokens", "", { type: "feat", scope: "api", breaking: "new tokens" }],
    ["refactor!: x", "BREAKING CHANGE: y is gone", { breaking: "y is gone" }],
    ["fix: x", "Why.\n\nBREAKING-CHANGE: y\nis gone\n\nMore.", { breaking: "y is gone" }],
    ["fix: x", "BREAKING CHANGE: y is gone\nReviewed-by: Ana", { breaking: "y is gone" }],
    ["fix: x", "BREAKING CHANGE:", { breaking: "x" }],
    ["fix: x", "breaking change: no", { breaking: null }],
    ["Update readme", "", { type: null, scope: null, subject: "Update readme", breaking: null }],
    ["Warning: hot", "", { type: "warning", subject: "hot" }],
    ["feat:no space", "", { type: null, subject: "feat:no space" }],
    ["", "", { type: null, subject: "", breaking: null }],
  ])("reads %j", (title, body, expected) => {
    expect(parseConventionalCommit(title, body)).toMatchObject(expected);
  });
});

function of(service: string, ...titles: readonly string[]): ServiceCommits {
  return {
    service,
    commits: titles.map((text, index) => {
      const [title, ...body] = text.split("\n");
      return { sha: `${index}123456789abcdef`, title: title ?? "", body: body.join("\n") };
    }),
    commitCount: titles.length,
  };
}

describe(draftReleaseNotes.name, () => {
  it("groups by type, breaking changes first, and leaves merges out", () => {
    const notes = draftReleaseNotes([
      of("auth", "chore: tidy", "feat(login)!: new tokens", "Merge branch 'master' into uat"),
      {
        ...of(
          "billing",
          "fix: rounding",
          "feat: invoices\nBREAKING CHANGE: address needed",
          "Tune",
        ),
        commitCount: 5,
      },
    ]);
    expect(notes).toBe(
      [
        "## Breaking changes",
        "",
        "- **auth**: login: new tokens (11234567)",
        "- **billing**: address needed (11234567)",
        "",
        "## Features",
        "",
        "- **billing**: invoices (11234567)",
        "",
        "## Fixes",
        "",
        "- **billing**: rounding (01234567)",
        "",
        "## Build and maintenance",
        "",
        "- **auth**: tidy (01234567)",
        "",
        "## Other changes",
        "",
        "- **billing**: Tune (21234567)",
        "",
        "## Not listed",
        "",
        "- **billing**: 2 more",
      ].join("\n"),
    );
  });

  it("keeps a word before a colon that is no type", () => {
    expect(draftReleaseNotes([of("a", "Warning: hot")])).toContain("Warning: hot");
  });

  it("says nothing about nothing", () => {
    expect(draftReleaseNotes([of("auth")])).toBe("");
    expect(draftReleaseNotes([])).toBe("");
  });

  const markdown = new MarkdownIt({ html: true });

  it.each([
    "# heading",
    "> quote",
    "**bold** _it_ `code`",
    "[link](http://evil.example) ![img](x)",
    "<script>alert(1)</script> &lt;",
    "| a | b |",
    "~~gone~~ $x$",
    "back\\slash \\*",
    "line\u2028## heading",
  ])("shows %j as it was written", (title) => {
    const html = markdown.render(draftReleaseNotes([of("auth", title)]));
    expect(html).not.toMatch(/<(h1|blockquote|em|code|a|img|script|table|s)[ >]/);
    expect(html.match(/<h2>/g)).toHaveLength(1);
    expect(html).toContain(markdown.utils.escapeHtml(title.replace("\u2028", " ")));
  });

  it("turns mentions into code and leaves e-mail addresses alone", () => {
    const notes = draftReleaseNotes([of("auth", "fix: thanks @channel, ask ana@example.com")]);
    expect(notes).toContain("thanks `@channel`, ask ana@example.com");
    expect(draftReleaseNotes([of("auth", "fix: @here@here")])).toContain("`@here@here`");
    expect(draftReleaseNotes([of("auth", "fix: `@here")])).toContain("&#96;`@here`");
  });

  it("leaves no mention outside of code, whatever people write", () => {
    const nasty = fc
      .array(fc.constantFrom("@", "here", "`", "\\", " ", "<", "\n", "#", "\u200B", "(", "."))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(nasty, (title) => {
        const html = markdown.render(draftReleaseNotes([of("auth", title.replace(/\n/g, " "))]));
        expect(html.replace(/<code>.*?<\/code>/g, "")).not.toMatch(/(?<![\w])@[\w]/);
        expect(html.match(/<h[1-6]>/g)).toHaveLength(1);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe(breakingChanges.name, () => {
  it("gives one line each", () => {
    expect(
      breakingChanges([
        of("auth", "feat!: new  tokens", "fix: x"),
        of("billing", "feat: invoices\nBREAKING CHANGE: address\nneeded"),
      ]),
    ).toEqual(["auth: new tokens", "billing: address needed"]);
  });
});
