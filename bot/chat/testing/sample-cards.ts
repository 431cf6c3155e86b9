import type { Card } from "../card.ts";

const noop = { action: "sample.noop", payload: { release: 12 }, text: "release 12" };

/** Text as an enemy writes it: markup, mentions, control and bidirectional characters, and far too much of it. */
export const hostile = `@channel <!here> **bold** [click](https://evil.example) <script>alert(1)</script> \u202Egnp.exe\u0000 ${"x".repeat(5_000)}`;

/** One card for each kind of block, and one for everything that can overflow. Every renderer is tested with all of them. */
export const sampleCards: Readonly<Record<string, Card>> = {
  text: {
    title: "Text",
    tone: "neutral",
    blocks: [{ type: "text", markdown: "One **bold** line.\nSay `help`." }],
  },
  fields: {
    title: "Fields",
    tone: "info",
    blocks: [
      {
        type: "fields",
        fields: [
          { label: "Status", value: "waiting for sign-off" },
          { label: "Dev", value: "Dana" },
        ],
      },
    ],
  },
  table: {
    title: "Table",
    tone: "success",
    blocks: [{ type: "table", columns: ["Service", "Commits"], rows: [["auth-service", "3"]] }],
  },
  note: {
    title: "Note",
    tone: "warning",
    blocks: [{ type: "note", markdown: "Next: `approve 12 as qa`." }],
  },
  actions: {
    title: "Actions",
    tone: "danger",
    blocks: [
      {
        type: "actions",
        items: [
          { type: "button", label: "Approve as Dev", style: "primary", action: noop },
          {
            type: "form",
            label: "Reject",
            style: "danger",
            form: {
              title: "Reject release #12",
              submit: noop,
              fields: [
                {
                  name: "reason",
                  label: "Why",
                  type: "textarea",
                  required: true,
                  maxLength: 2_000,
                },
                {
                  name: "then",
                  label: "Then",
                  type: "select",
                  initial: "leave",
                  options: [
                    { value: "leave", label: "Leave it" },
                    { value: "roll_back", label: "Roll back" },
                  ],
                },
                { name: "sure", label: "I am sure", type: "checkbox" },
                { name: "ticket", label: "Ticket", type: "text", placeholder: "OPS-1" },
              ],
            },
          },
          { type: "link", label: "Open dashboard", url: "https://slipway.example.com/releases/12" },
        ],
      },
    ],
  },
  overflow: {
    title: hostile,
    tone: "neutral",
    blocks: [
      { type: "text", markdown: "long ".repeat(5_000) },
      {
        type: "fields",
        fields: Array.from({ length: 80 }, (_, index) => ({
          label: `Field ${index}`,
          value: hostile,
        })),
      },
      {
        type: "table",
        columns: ["Service", "Change"],
        rows: Array.from({ length: 500 }, (_, index) => [`service-${index}`, hostile]),
      },
      {
        type: "actions",
        items: Array.from({ length: 60 }, (_, index) => ({
          type: "button" as const,
          label: `Button ${index} ${hostile}`,
          action: noop,
        })),
      },
    ],
  },
  empty: { title: "Nothing here", tone: "neutral", blocks: [] },
};
