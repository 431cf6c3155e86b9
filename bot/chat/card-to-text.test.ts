import { describe, expect, it } from "vitest";
import {
  actions,
  button,
  card,
  fields,
  form,
  link,
  list,
  note,
  reasonForm,
  table,
  text,
} from "./card-builders.ts";
import { cardToText } from "./card-to-text.ts";
import { sampleCards } from "./testing/sample-cards.ts";

const approve = { action: "release.sign_off", payload: {}, text: "approve 12 as dev" };
const reject = { action: "release.reject", payload: {}, text: 'reject 12 -m "…"' };

describe(cardToText.name, () => {
  it("reads as a message of its own, with the command for every button", () => {
    const told = cardToText(
      card(
        "Release #12",
        "info",
        text("**uat** to master"),
        fields([
          ["Status", "pending"],
          ["Nothing", null],
        ]),
        table(["Service", "Commits"], [["auth", "3"]]),
        note("Next: `approve 12 as dev`"),
        actions(
          button("Approve as Dev", approve),
          form("Reject", reasonForm("Reject", "Why", reject)),
          link("Open dashboard", "https://x.example/releases/12"),
        ),
      ),
    );
    expect(told).toBe(
      [
        "Release #12",
        "uat to master",
        "Status: pending",
        "Service | Commits",
        "auth | 3",
        "Next: `approve 12 as dev`",
        "[Approve as Dev] or say `approve 12 as dev`",
        '[Reject] or say `reject 12 -m "…"`',
        "Open dashboard: https://x.example/releases/12",
      ].join("\n"),
    );
  });

  it.each(Object.entries(sampleCards))("has words for the sample card %s", (_, sample) => {
    expect(cardToText(sample).startsWith(sample.title)).toBe(true);
  });
});

describe(table.name, () => {
  it("cuts a long table and says how much is missing", () => {
    const rows = Array.from({ length: 27 }, (_, index) => [`s${index}`, "1"]);
    const block = table(["Service", "Commits"], rows, 15);
    expect(block).toMatchObject({ type: "table" });
    expect(block?.type === "table" && block.rows.at(-1)).toEqual(["… and 12 more", ""]);
    expect(block?.type === "table" && block.rows).toHaveLength(16);
  });
});

describe(list.name, () => {
  it("cuts a long list of names", () => {
    expect(list(["a", "b", "c"], 2)).toBe("a, b and 1 more");
    expect(list(["a", "b"])).toBe("a, b");
  });
});

describe(link.name, () => {
  it.each(["javascript:alert(1)", "/releases/12", "data:x"])("refuses %s", (url) => {
    expect(link("x", url)).toBeUndefined();
  });
});

describe(card.name, () => {
  it("leaves out what is empty", () => {
    expect(
      card("t", "info", text(), note(undefined, false), fields([]), table([], []), actions()),
    ).toEqual({
      title: "t",
      tone: "info",
      blocks: [],
    });
  });
});
