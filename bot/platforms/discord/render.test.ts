import { describe, expect, it } from "vitest";
import { releaseAnswer } from "../../cards/release-card.ts";
import { buildApprovedRelease } from "../../cards/testing/sample-views.ts";
import { pressableItems } from "../../chat/card-to-text.ts";
import type { Card, FormSpec } from "../../chat/card.ts";
import { message } from "../../chat/testing/platform-contract.ts";
import { hostile, sampleCards } from "../../chat/testing/sample-cards.ts";
import * as limits from "./limits.ts";
import { fitsModal, renderDiscordMessage, renderDiscordModal } from "./render.ts";
import { readCallback, readMessage, textOf } from "./testing/fake-rules.ts";

const nobodyIsNotified = { parse: [] };

function draw(card: Partial<Card>) {
  return renderDiscordMessage({
    card: { title: "Title", tone: "info", blocks: [], ...card },
    tokens: new Map(),
  });
}

function described(markdown: string): string {
  return draw({ blocks: [{ type: "text", markdown }] }).embeds[0]?.description ?? "";
}

describe(renderDiscordMessage.name, () => {
  it.each([
    [
      "text",
      [{ title: "Text", color: 0x8d93a5, description: "One **bold** line.\nSay `help`." }],
      [],
    ],
    [
      "fields",
      [
        {
          title: "Fields",
          color: 0x1c58d9,
          fields: [
            { name: "Status", value: "waiting for sign-off", inline: true },
            { name: "Dev", value: "Dana", inline: true },
          ],
        },
      ],
      [],
    ],
    [
      "table",
      [
        {
          title: "Table",
          color: 0x3db887,
          description: [
            "```",
            "Service       Commits",
            "─────────────────────",
            "auth-service  3",
            "```",
          ].join("\n"),
        },
      ],
      [],
    ],
    ["note", [{ title: "Note", color: 0xf5ab00, description: "-# Next: `approve 12 as qa`." }], []],
    [
      "actions",
      [{ title: "Actions", color: 0xd24b4e }],
      [
        {
          type: 1,
          components: [
            { type: 2, style: 1, label: "Approve as Dev", custom_id: "a:tokenactions0" },
            { type: 2, style: 4, label: "Reject", custom_id: "f:tokenactions1" },
            {
              type: 2,
              style: 5,
              label: "Open dashboard",
              url: "https://slipway.example.com/releases/12",
            },
          ],
        },
      ],
    ],
    ["empty", [{ title: "Nothing here", color: 0x8d93a5 }], []],
  ])("draws the sample card %s", (sample, embeds, components) => {
    expect(renderDiscordMessage(message(sample))).toEqual({
      content: "",
      embeds,
      components,
      allowed_mentions: nobodyIsNotified,
    });
  });

  it("draws a release card", () => {
    const { card } = releaseAnswer(buildApprovedRelease());
    const tokens = new Map(pressableItems(card).map((item, index) => [item, `t${index}`] as const));
    const content = renderDiscordMessage({ card, tokens });
    const text = textOf(readMessage(content));
    expect(text.split("\n")).toEqual([
      "Release #12: uat → master (approved, ready to deploy)",
      "Content 2 repositories, 2 services, 6 commits",
      "Target prod",
      "Created by Dana, 2026-11-25 12:00 UTC",
      "Dev 1/1 signed by Dana",
      "QA 1/1 signed by Quinn",
      "```",
      "Wave  Service       Commits  Change",
      "────────────────────────────────────────────────",
      "1     auth-service  3        aaaaaaaa → bbbbbbbb",
      "2     api-gateway   3        aaaaaaaa → bbbbbbbb",
      "```",
      "",
      "**Deploy order**",
      "Wave 1: auth-service",
      "Wave 2: api-gateway",
      "",
      "-# Next: `deploy 12 to prod`.",
    ]);
    const buttons = content.components.flatMap(({ components }) => components);
    expect(buttons[0]).toMatchObject({ custom_id: "a:t0" });
    expect(buttons.length).toBe(pressableItems(card).length + 1);
  });

  it("cuts what is too much, says how much is missing, and stays within what Discord takes", () => {
    const content = readMessage(renderDiscordMessage(message("overflow")));
    const text = textOf(content);
    expect(text).toMatch(/…and [\d,]+ more/);
    expect(content.components.flatMap(({ components }) => components)).toHaveLength(25);
    expect(text).toMatch(/…and 35 more/);
    expect(content.embeds[0]?.title?.length).toBeLessThanOrEqual(limits.MAX_EMBED_TITLE_LENGTH);
  });

  it.each([
    ["80 fields", { fields: 80, texts: 0, length: 1 }],
    ["9 texts with fields between them", { fields: 20, texts: 9, length: 30 }],
    ["one long text", { fields: 0, texts: 1, length: 20_000 }],
    ["many long texts", { fields: 3, texts: 12, length: 3_000 }],
  ])("keeps the limits of embeds with %s", (_, { fields, texts, length }) => {
    const blocks = [
      ...Array.from({ length: texts }, () => [
        { type: "text" as const, markdown: "word ".repeat(length / 5 + 1) },
        {
          type: "fields" as const,
          fields: Array.from({ length: fields }, (_each, index) => ({
            label: `Label ${String(index)}`,
            value: "v".repeat(40),
          })),
        },
      ]),
      [
        {
          type: "fields" as const,
          fields: Array.from({ length: fields }, () => ({ label: "", value: "" })),
        },
      ],
    ].flat();
    expect(() => readMessage(draw({ blocks }))).not.toThrow();
  });

  it("keeps text, fields and text in the order of the card", () => {
    const { embeds } = draw({
      blocks: [
        { type: "text", markdown: "first" },
        { type: "fields", fields: [{ label: "A", value: "1" }] },
        { type: "text", markdown: "second" },
        { type: "fields", fields: [{ label: "B", value: "2" }] },
      ],
    });
    expect(embeds.map(({ description, fields }) => [description, fields?.[0]?.name])).toEqual([
      ["first", "A"],
      ["second", "B"],
    ]);
  });

  it("shows a release of thirty services with its wide table in lines that do not break", () => {
    const rows = Array.from({ length: 30 }, (_, index) => [
      String(index),
      `a-service-with-quite-a-long-name-${String(index)}`,
      "12",
      "0123456789abcdef → fedcba9876543210",
    ]);
    const { embeds } = draw({
      blocks: [{ type: "table", columns: ["Wave", "Service", "Commits", "Change"], rows }],
    });
    const lines = (embeds[0]?.description ?? "").split("\n").slice(1, -1);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(
      limits.MAX_ROW_LENGTH,
    );
    expect(lines).toHaveLength(32);
  });

  it("leaves out buttons without a token, and writes addresses that are too long for a button", () => {
    const url = `https://slipway.example.com/${"x".repeat(500)}`;
    const { components, embeds } = draw({
      blocks: [
        {
          type: "actions",
          items: [
            { type: "button", label: "Approve", action: { action: "x", payload: {} } },
            { type: "link", label: "Open", url },
          ],
        },
      ],
    });
    expect(components).toEqual([]);
    expect(embeds[0]?.description).toBe(`[Open](${url})`);
  });
});

describe("text of people in Discord", () => {
  it.each([
    ["mentions of everybody", "@everyone @here", "@\u200Beveryone @\u200Bhere"],
    ["mentions of people, roles and channels", "<@1> <@&2> <#3>", "\\<@\u200B1> \\<@&2> \\<#3>"],
    ["emoji and times", "<:a:1> <t:1:R>", "\\<:a:1> \\<t:1:R>"],
    [
      "bold, code and spoilers",
      "**b** `c` ||s|| ~~x~~",
      "\\*\\*b\\*\\* \\`c\\` \\|\\|s\\|\\| \\~\\~x\\~\\~",
    ],
    ["links", "[a](https://x) www.x.y", "\\[a\\](https:\u200B//x) www\u200B.x.y"],
    ["headings and quotes", "# h", "\\# h"],
    ["lists", "- a", "\\- a"],
    ["numbers", "1. a", "1\\. a"],
  ])("shows %s as they were written", (_, value, shown) => {
    const { embeds } = draw({ blocks: [{ type: "fields", fields: [{ label: value, value }] }] });
    expect(embeds[0]?.fields).toEqual([{ name: shown, value: shown, inline: true }]);
    expect(draw({ title: value }).embeds[0]?.title).toBe(shown);
  });

  it("cannot break out of code", () => {
    const { embeds } = draw({
      blocks: [{ type: "table", columns: ["A"], rows: [["``` @everyone"]] }],
    });
    expect(embeds[0]?.description?.match(/```/g)).toHaveLength(2);
    expect(described("`` a`b ``")).toBe("``a`b``");
  });

  it("notifies nobody, however hostile it is", () => {
    const content = draw({ title: hostile, blocks: sampleCards["overflow"]?.blocks ?? [] });
    expect(content.content).toBe("");
    expect(content.allowed_mentions).toEqual(nobodyIsNotified);
    expect(JSON.stringify(content)).not.toMatch(/[\u202A-\u202E]|\\u0000/);
  });
});

describe(renderDiscordModal.name, () => {
  const form = pressableItems(sampleCards["actions"] as Card)
    .flatMap((item) => (item.type === "form" ? [item.form] : []))
    .at(0) as FormSpec;

  it("draws the sample form", () => {
    expect(renderDiscordModal(form, "abc")).toEqual({
      custom_id: "s:abc",
      title: "Reject release #12",
      components: [
        {
          type: 18,
          label: "Why",
          component: {
            type: 4,
            custom_id: "reason",
            style: 2,
            required: true,
            max_length: 2_000,
          },
        },
        {
          type: 18,
          label: "Then",
          component: {
            type: 3,
            custom_id: "then",
            required: false,
            options: [
              { label: "Leave it", value: "leave", default: true },
              { label: "Roll back", value: "roll_back" },
            ],
          },
        },
        {
          type: 18,
          label: "I am sure",
          component: { type: 23, custom_id: "sure", default: false },
        },
        {
          type: 18,
          label: "Ticket",
          component: {
            type: 4,
            custom_id: "ticket",
            style: 1,
            required: false,
            max_length: 4_000,
            placeholder: "OPS-1",
          },
        },
      ],
    });
  });

  it("is one that Discord takes, also when everything is long", () => {
    const long: FormSpec = {
      ...form,
      title: "t".repeat(300),
      fields: [
        {
          name: "a",
          label: "l".repeat(300),
          type: "text",
          initial: "i".repeat(4_000),
          placeholder: "p".repeat(300),
          maxLength: 20_000,
        },
        {
          name: "b",
          label: "b",
          type: "select",
          initial: "30",
          options: Array.from({ length: 60 }, (_, index) => ({
            value: String(index),
            label: "o".repeat(200),
          })),
        },
      ],
    };
    expect(() =>
      readCallback({ type: 9, data: renderDiscordModal(long, "x".repeat(22)) }),
    ).not.toThrow();
    expect(fitsModal(long)).toBe(true);
  });

  it("is refused when it would lose what is written already", () => {
    const notes = { name: "a", label: "Notes", type: "textarea" as const };
    expect(fitsModal({ ...form, fields: [{ ...notes, initial: "x".repeat(4_001) }] })).toBe(false);
    expect(
      fitsModal({
        ...form,
        fields: Array.from({ length: 6 }, (_, index) => ({ ...notes, name: String(index) })),
      }),
    ).toBe(false);
  });
});
