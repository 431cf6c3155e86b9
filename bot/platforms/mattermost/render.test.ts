import { describe, expect, it } from "vitest";
import type { Card, FormSpec } from "../../chat/card.ts";
import { message } from "../../chat/testing/platform-contract.ts";
import { sampleCards } from "../../chat/testing/sample-cards.ts";
import * as limits from "./limits.ts";
import {
  fitsDialog,
  renderMattermostDialog,
  renderMattermostMessage,
  renderMattermostText,
  type MattermostContent,
} from "./render.ts";
import { dialogProblem, textOf, type FakePost } from "./testing/fake-rules.ts";
import { mentionsOf } from "./testing/mentions.ts";

const integrationOf = (token: string) => ({ url: "https://slipway/hooks", context: { token } });

function draw(sample: string): MattermostContent {
  return renderMattermostMessage(message(sample), integrationOf);
}

function drawCard(card: Partial<Card>): MattermostContent {
  const whole: Card = { title: "Title", tone: "info", blocks: [], ...card };
  return renderMattermostMessage({ card: whole, tokens: new Map() }, integrationOf);
}

function asPost({ message: text, props }: MattermostContent): Pick<FakePost, "message" | "props"> {
  return { message: text, props: structuredClone(props) as unknown as FakePost["props"] };
}

describe(renderMattermostMessage.name, () => {
  it.each([
    [
      "text",
      [
        {
          fallback: "Text\nOne bold line.\nSay `help`.",
          color: "#8D93A5",
          title: "Text",
          text: "One **bold** line.\nSay `help`.",
        },
      ],
    ],
    [
      "fields",
      [
        {
          fallback: "Fields\nStatus: waiting for sign-off\nDev: Dana",
          color: "#1C58D9",
          title: "Fields",
          fields: [
            { title: "Status", value: "waiting for sign-off", short: true },
            { title: "Dev", value: "Dana", short: true },
          ],
        },
      ],
    ],
    [
      "table",
      [
        {
          fallback: "Table\nService | Commits\nauth-service | 3",
          color: "#3DB887",
          title: "Table",
          text: "| Service | Commits |\n| --- | --- |\n| auth-service | 3 |",
        },
      ],
    ],
    [
      "note",
      [
        {
          fallback: "Note\nNext: `approve 12 as qa`.",
          color: "#F5AB00",
          title: "Note",
          text: "> Next: `approve 12 as qa`.",
        },
      ],
    ],
    [
      "actions",
      [
        {
          fallback: [
            "Actions",
            "[Approve as Dev] or say `release 12`",
            "[Reject] or say `release 12`",
            "Open dashboard: https://slipway.example.com/releases/12",
          ].join("\n"),
          color: "#D24B4E",
          title: "Actions",
          text: "[Open dashboard](https://slipway.example.com/releases/12)",
          actions: [
            {
              id: expect.stringMatching(/^[a-z0-9]{26}$/),
              type: "button",
              name: "Approve as Dev",
              style: "primary",
              integration: integrationOf("tokenactions0"),
            },
            {
              id: expect.stringMatching(/^[a-z0-9]{26}$/),
              type: "button",
              name: "Reject",
              style: "danger",
              integration: integrationOf("tokenactions1"),
            },
          ],
        },
      ],
    ],
    ["empty", [{ fallback: "Nothing here", color: "#8D93A5", title: "Nothing here" }]],
  ])("draws the sample card %s", (sample, attachments) => {
    expect(draw(sample)).toEqual({ message: "", props: { attachments } });
  });

  it("cuts what is too much, says how much is missing, and stays within what the server takes", () => {
    const content = draw("overflow");
    const { attachments } = content.props;
    const fields = attachments.flatMap((attachment) => attachment.fields ?? []);
    const actions = attachments.flatMap((attachment) => attachment.actions ?? []);
    const texts = attachments.flatMap(({ text = [] }) => text).join("\n");

    expect(JSON.stringify(content.props).length).toBeLessThan(limits.MAX_PROPS_LENGTH);
    expect(fields.at(-1)).toEqual({ title: "", value: "…and 41 more", short: false });
    expect(texts).toContain("| …and 441 more |");
    expect(texts).toContain("…and 41 more");
    expect(actions).toHaveLength(limits.MAX_ACTIONS - 1);
    expect(new Set(actions.map(({ id }) => id)).size).toBe(actions.length);
    expect(texts.split("\n")[0]?.length).toBeLessThanOrEqual(limits.MAX_MARKDOWN_LENGTH);
  });

  it("pings nobody and hides nothing, wherever hostile words stand", () => {
    const content = draw("overflow");
    const people = ["here", "channel", "all", "dana"];
    expect(mentionsOf(asPost(content), people)).toEqual([]);
    // eslint-disable-next-line no-control-regex -- exactly these must be gone
    expect(JSON.stringify(content)).not.toMatch(/[\u0000-\u0008\u202A-\u202E]|\\u00/);
  });

  it.each([
    ["**bold** _slanted_ ~~gone~~ `code`"],
    ["[click](https://evil.example) ![](https://evil.example/x.png)"],
    ["https://evil.example www.evil.example mailto:a@evil.example"],
    ["# heading > quote - item 1. one"],
    ["| a | b | $x^2$ :smile: #tag &lt; \\"],
    ["~channel-link and @here"],
  ])("shows just the characters of %s", (hostile) => {
    const content = drawCard({
      title: hostile,
      blocks: [
        { type: "fields", fields: [{ label: "Branch", value: hostile }] },
        { type: "table", columns: ["Branch"], rows: [[hostile]] },
      ],
    });
    const [attachment] = content.props.attachments;
    const bare = /(?<!\\)(?:\*\*|~~|`|\]\(|!\[)|:\/\/|@\w|(?<!\\)~\w|:\w+:/;
    for (const drawn of [
      attachment?.title,
      attachment?.fields?.[0]?.value,
      content.props.attachments.at(-1)?.text?.split("\n").at(-1),
    ]) {
      expect(drawn).not.toMatch(bare);
    }
    const shown = textOf(asPost(content))
      .replaceAll("&#124;", "|")
      .replaceAll("&#36;", "$")
      .replaceAll("&amp;", "&");
    expect(shown.split("\n")[1]).toBe(hostile);
  });

  it("draws no button that would do nothing", () => {
    const blocks = sampleCards["actions"]?.blocks ?? [];
    expect(drawCard({ blocks }).props.attachments[0]?.actions).toBeUndefined();
  });

  it("gives a button the same id when the card is drawn again, and one that means something else another", () => {
    const idsOf = (sample: string) =>
      draw(sample).props.attachments.flatMap(({ actions }) => actions?.map(({ id }) => id) ?? []);
    expect(idsOf("actions")).toEqual(idsOf("actions"));
    expect(new Set(idsOf("actions")).size).toBe(2);
  });

  it("keeps the order of the card where an attachment has none of its own", () => {
    const { attachments } = drawCard({
      blocks: [
        { type: "fields", fields: [{ label: "Status", value: "ready" }] },
        { type: "text", markdown: "after the fields" },
      ],
    }).props;
    expect(attachments).toMatchObject([
      { title: "Title", fields: [{ title: "Status", value: "ready" }] },
      { text: "after the fields" },
    ]);
    expect(attachments[1]).not.toHaveProperty("title");
  });
});

describe(renderMattermostText.name, () => {
  it("names the command where a button would be", () => {
    expect(renderMattermostText(sampleCards["actions"] ?? raise())).toBe(
      [
        "**Actions**",
        "",
        "Approve as Dev: say `release 12`",
        "Reject: say `release 12`",
        "[Open dashboard](https://slipway.example.com/releases/12)",
      ].join("\n"),
    );
  });

  it("stays within one message", () => {
    const text = renderMattermostText(sampleCards["overflow"] ?? raise());
    expect(text.length).toBeLessThanOrEqual(limits.MAX_MESSAGE_LENGTH);
    expect(text.endsWith("…")).toBe(true);
    expect(mentionsOf({ message: text, props: {} }, ["here"])).toEqual([]);
  });
});

describe(renderMattermostDialog.name, () => {
  const noop = { action: "sample.noop", payload: {} };
  const field = { name: "reason", label: "Why", type: "textarea" } as const;

  it("draws each kind of field", () => {
    const [block] = sampleCards["actions"]?.blocks ?? [];
    const item = block?.type === "actions" ? block.items[1] : undefined;
    const form = item?.type === "form" ? item.form : raise();

    const dialog = renderMattermostDialog(form, "state");

    expect(dialog).toEqual({
      callback_id: "slipway",
      title: "Reject release #12",
      introduction_text: "",
      submit_label: "Send",
      notify_on_cancel: false,
      state: "state",
      elements: [
        {
          display_name: "Why",
          name: "reason",
          type: "textarea",
          default: "",
          placeholder: "",
          help_text: "",
          optional: false,
          min_length: 0,
          max_length: 2_000,
        },
        {
          display_name: "Then",
          name: "then",
          type: "select",
          default: "leave",
          placeholder: "",
          help_text: "",
          optional: true,
          min_length: 0,
          max_length: 0,
          options: [
            { text: "Leave it", value: "leave" },
            { text: "Roll back", value: "roll_back" },
          ],
        },
        {
          display_name: "I am sure",
          name: "sure",
          type: "bool",
          default: "",
          placeholder: "I am sure",
          help_text: "",
          optional: true,
          min_length: 0,
          max_length: 0,
        },
        {
          display_name: "Ticket",
          name: "ticket",
          type: "text",
          default: "",
          placeholder: "OPS-1",
          help_text: "",
          optional: true,
          min_length: 0,
          max_length: 150,
        },
      ],
    });
    expect(problemOf(form)).toBeUndefined();
  });

  it.each<[string, FormSpec]>([
    ["a long title", { title: "é".repeat(200), fields: [field], submit: noop }],
    [
      "a long label",
      { title: "T", fields: [{ ...field, label: "Warum? ".repeat(30) }], submit: noop },
    ],
    [
      "a line that is filled in with more than a line takes",
      {
        title: "T",
        fields: [{ ...field, type: "text", initial: "x".repeat(1_000) }],
        submit: noop,
      },
    ],
    [
      "a choice that is not offered",
      { title: "T", fields: [{ ...field, type: "select", initial: "none" }], submit: noop },
    ],
    [
      "a long placeholder",
      { title: "T", fields: [{ ...field, placeholder: "p".repeat(900) }], submit: noop },
    ],
  ])("makes %s fit", (_what, form) => {
    expect(problemOf(form)).toBeUndefined();
  });

  it("knows when what is written already would be cut off", () => {
    const form = (initial: string): FormSpec => ({
      title: "Notes",
      fields: [{ ...field, initial }],
      submit: noop,
    });
    expect(fitsDialog(form("x".repeat(3_000)))).toBe(true);
    expect(fitsDialog(form("ü".repeat(1_501)))).toBe(false);
  });

  function problemOf(form: FormSpec): string | undefined {
    const { elements, ...rest } = renderMattermostDialog(form, "state");
    return dialogProblem({
      ...rest,
      elements: elements.map(({ options = [], ...element }) => ({
        ...element,
        options: [...options],
      })),
    });
  }
});

function raise(): never {
  throw new Error("there is no such sample");
}
