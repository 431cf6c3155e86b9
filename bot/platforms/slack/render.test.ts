import { describe, expect, it } from "vitest";
import type { Card, FormSpec } from "../../chat/card.ts";
import { pressableItems } from "../../chat/card-to-text.ts";
import { message } from "../../chat/testing/platform-contract.ts";
import { hostile, sampleCards } from "../../chat/testing/sample-cards.ts";
import * as limits from "./limits.ts";
import {
  fitsSlackForm,
  renderSlackForm,
  renderSlackMessage,
  renderSlackNotice,
  renderSlackWait,
  type SlackContent,
} from "./render.ts";
import { buttonsOf, checkBlocks, checkView, pingsOf, textOf } from "./testing/fake-rules.ts";

const plain = (text: string) => ({ type: "plain_text", text, emoji: false });
const header = (text: string) => ({ type: "header", text: plain(text) });
const words = (text: string, style?: object) => ({
  type: "text",
  text,
  ...(style ? { style } : {}),
});

function draw(sample: string): SlackContent {
  return renderSlackMessage(message(sample));
}

function drawCard(card: Partial<Card>): SlackContent {
  const whole: Card = { title: "Title", tone: "info", blocks: [], ...card };
  const tokens = pressableItems(whole).map((item, n) => [item, `token${String(n)}`] as const);
  return renderSlackMessage({ card: whole, tokens: new Map(tokens) });
}

describe(renderSlackMessage.name, () => {
  it.each<[string, SlackContent | object]>([
    [
      "text",
      {
        text: "Text\nOne bold line.\nSay `help`.",
        blocks: [
          header("Text"),
          {
            type: "rich_text",
            elements: [
              {
                type: "rich_text_section",
                elements: [
                  words("One "),
                  words("bold", { bold: true }),
                  words(" line.\nSay "),
                  words("help", { code: true }),
                  words("."),
                ],
              },
            ],
          },
        ],
      },
    ],
    [
      "fields",
      {
        text: "Fields\nStatus: waiting for sign-off\nDev: Dana",
        blocks: [
          header("Fields"),
          {
            type: "rich_text",
            elements: [
              {
                type: "rich_text_section",
                elements: [
                  words("Status", { bold: true }),
                  words("  waiting for sign-off"),
                  words("\n"),
                  words("Dev", { bold: true }),
                  words("  Dana"),
                ],
              },
            ],
          },
        ],
      },
    ],
    [
      "table",
      {
        text: "✅ Table\nService | Commits\nauth-service | 3",
        blocks: [
          header("✅ Table"),
          {
            type: "rich_text",
            elements: [
              {
                type: "rich_text_preformatted",
                elements: [words("Service       Commits\n────────────  ───────\nauth-service  3")],
              },
            ],
          },
        ],
      },
    ],
    [
      "note",
      {
        text: "⚠️ Note\nNext: `approve 12 as qa`.",
        blocks: [
          header("⚠️ Note"),
          {
            type: "rich_text",
            elements: [
              {
                type: "rich_text_quote",
                elements: [words("Next: "), words("approve 12 as qa", { code: true }), words(".")],
              },
            ],
          },
        ],
      },
    ],
    [
      "actions",
      {
        text: "🛑 Actions\n[Approve as Dev] or say `release 12`\n[Reject] or say `release 12`\nOpen dashboard: https://slipway.example.com/releases/12",
        blocks: [
          header("🛑 Actions"),
          {
            type: "actions",
            elements: [
              {
                type: "button",
                text: plain("Approve as Dev"),
                value: "tokenactions0",
                action_id: "do:1",
                style: "primary",
              },
              {
                type: "button",
                text: plain("Reject"),
                value: "tokenactions1",
                action_id: "form:2",
                style: "danger",
              },
              {
                type: "button",
                text: plain("Open dashboard"),
                url: "https://slipway.example.com/releases/12",
                action_id: "link:3",
              },
            ],
          },
        ],
      },
    ],
    ["empty", { text: "Nothing here", blocks: [header("Nothing here")] }],
  ])("draws the sample card %s", (sample, expected) => {
    expect(draw(sample)).toEqual(expected);
  });

  it("marks the message, so that it is found again", () => {
    const { blocks } = renderSlackMessage(message("text"), "mark");
    expect(blocks[0]).toMatchObject({ type: "header", block_id: "mark" });
  });

  it("draws no button that would do nothing", () => {
    const { card } = message("actions");
    const { blocks } = renderSlackMessage({ card, tokens: new Map() });
    expect(buttonsOf({ blocks }).map(({ action_id: id }) => id)).toEqual(["link:3"]);
  });

  it.each(Object.keys(sampleCards))(
    "keeps to what Slack takes with the sample card %s",
    (sample) => {
      const { text, blocks } = draw(sample);
      expect(() => checkBlocks(blocks)).not.toThrow();
      expect(text.length).toBeLessThan(limits.MAX_TEXT_LENGTH);
    },
  );

  it("says what it leaves out of a card that is too much", () => {
    const content = draw("overflow");
    const shown = textOf(content);
    expect(shown).toContain("long long");
    expect(shown).toMatch(/Field 0/);
    expect(shown.match(/…and \d+ more/g)?.length).toBeGreaterThanOrEqual(3);
    expect(buttonsOf({ blocks: content.blocks })).toHaveLength(limits.MAX_ACTIONS - 1);
  });

  it("shows every button of a card whose text is too much already", () => {
    const blocks = [
      ...Array.from({ length: 60 }, () => ({ type: "text" as const, markdown: "x".repeat(2_900) })),
    ];
    const content = drawCard({
      blocks: [...blocks.slice(0, 20), ...(sampleCards["actions"]?.blocks ?? [])],
    });
    expect(() => checkBlocks(content.blocks)).not.toThrow();
    expect(buttonsOf({ blocks: content.blocks })).toHaveLength(3);
  });

  it("sends no more blocks than Slack takes", () => {
    const item = { type: "button" as const, label: "x", action: { action: "a", payload: {} } };
    const { blocks } = drawCard({
      blocks: Array.from({ length: 60 }, () => ({ type: "actions" as const, items: [item] })),
    });
    expect(() => checkBlocks(blocks)).not.toThrow();
    expect(blocks).toHaveLength(limits.MAX_BLOCKS);
    expect(textOf({ text: "", blocks: blocks })).toMatch(/…and 12 more$/);
  });

  it("takes no words of people for anything but words", () => {
    const evil = `${hostile} <@U0DANA> <!subteam^S1> *b* _i_ :fire: &amp; \`code\``;
    const { text, blocks } = drawCard({
      title: evil,
      blocks: [
        { type: "text", markdown: evil },
        { type: "note", markdown: evil },
        { type: "fields", fields: [{ label: evil, value: evil }] },
        { type: "table", columns: [evil], rows: [[evil]] },
      ],
    });
    expect(pingsOf({ text, parse: "full" }, blocks)).toEqual([]);
    expect(text).not.toMatch(/<|>|\u202E/);
    expect(JSON.stringify(blocks)).not.toMatch(/"type":"(?:mrkdwn|user|broadcast|emoji)"|\u202E/);
  });
});

describe(renderSlackForm.name, () => {
  const form = (
    sampleCards["actions"]?.blocks[0] as unknown as {
      readonly items: readonly { readonly form?: FormSpec }[];
    }
  ).items[1]?.form as FormSpec;

  it("draws every kind of field", () => {
    expect(renderSlackForm(form, "where")).toEqual({
      type: "modal",
      callback_id: "slipway",
      private_metadata: "where",
      title: plain("Reject release #12"),
      submit: plain("Send"),
      close: plain("Cancel"),
      blocks: [
        {
          type: "input",
          block_id: "reason",
          label: plain("Why"),
          optional: false,
          element: {
            type: "plain_text_input",
            action_id: "reason",
            multiline: true,
            max_length: 2_000,
          },
        },
        {
          type: "input",
          block_id: "then",
          label: plain("Then"),
          optional: true,
          element: {
            type: "static_select",
            action_id: "then",
            options: [
              { text: plain("Leave it"), value: "leave" },
              { text: plain("Roll back"), value: "roll_back" },
            ],
            initial_option: { text: plain("Leave it"), value: "leave" },
          },
        },
        {
          type: "input",
          block_id: "sure",
          label: plain("I am sure"),
          optional: true,
          element: {
            type: "checkboxes",
            action_id: "sure",
            options: [{ text: plain("I am sure"), value: "true" }],
          },
        },
        {
          type: "input",
          block_id: "ticket",
          label: plain("Ticket"),
          optional: true,
          element: {
            type: "plain_text_input",
            action_id: "ticket",
            multiline: false,
            max_length: limits.MAX_INPUT_LENGTH,
            placeholder: plain("OPS-1"),
          },
        },
      ],
    });
  });

  it("keeps to what Slack takes when everything is too long", () => {
    const long = hostile;
    const view = renderSlackForm(
      {
        title: long,
        submit: form.submit,
        fields: [
          {
            name: "text",
            label: long,
            type: "textarea",
            maxLength: 100_000,
            placeholder: long,
            initial: "x".repeat(3_000),
          },
          {
            name: "one",
            label: long,
            type: "select",
            options: Array.from({ length: 200 }, (_, n) => ({ value: String(n), label: long })),
          },
          { name: "tick", label: long, type: "checkbox", placeholder: long, initial: "true" },
        ],
      },
      "",
    );
    expect(() => checkView(view)).not.toThrow();
    expect(view.title.text).toHaveLength(limits.MAX_VIEW_TITLE_LENGTH);
    expect(view.blocks[0]).toMatchObject({ type: "header" });
  });

  it("knows what does not fit into a field", () => {
    const [field] = form.fields;
    const filled = (initial: string) => ({ ...form, fields: [{ ...field, initial }] }) as FormSpec;
    expect(fitsSlackForm(filled("x".repeat(3_000)))).toBe(true);
    expect(fitsSlackForm(filled("x".repeat(3_001)))).toBe(false);
  });
});

describe("windows without a form", () => {
  it.each([
    ["that wait", renderSlackWait()],
    ["that say something", renderSlackNotice(sampleCards["overflow"] as Card)],
    ["that say little", renderSlackNotice(sampleCards["note"] as Card)],
  ])("are such as Slack takes: those %s", (_which, view) => {
    expect(() => checkView(view)).not.toThrow();
    expect(view.submit).toBeUndefined();
  });
});
