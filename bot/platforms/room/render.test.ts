import { describe, expect, it } from "vitest";
import { RoomCard } from "../../../shared/contract/card.ts";
import { message } from "../../chat/testing/platform-contract.ts";
import { sampleCards } from "../../chat/testing/sample-cards.ts";
import * as limits from "./limits.ts";
import { renderRoomMessage } from "./render.ts";

describe(renderRoomMessage.name, () => {
  it.each(Object.keys(sampleCards))("draws the sample card %s as the contract wants", (sample) => {
    const { card, text } = renderRoomMessage(message(sample));
    expect(RoomCard.parse(card)).toEqual(card);
    expect(text.length).toBeLessThanOrEqual(limits.MAX_FALLBACK_LENGTH);
    expect(JSON.stringify(card).length).toBeLessThan(200_000);
  });

  it("says how much a long table leaves out", () => {
    const { card } = renderRoomMessage(message("overflow"));
    const table = card.blocks.find((block) => block.type === "table");
    expect(table?.type === "table" && table.rows.at(-1)).toEqual(["… and 440 more"]);
  });

  it("gives each button its token, forms their fields, and links their address", () => {
    const { card } = renderRoomMessage(message("actions"));
    const [block] = card.blocks;
    expect(block?.type === "actions" && block.actions).toMatchObject([
      { action: "tokenactions0", label: "Approve as Dev", type: "button", style: "primary" },
      {
        action: "tokenactions1",
        type: "form",
        style: "danger",
        form: {
          fields: [
            { name: "reason", required: true, maxLength: 2_000 },
            { name: "then", options: [{ value: "leave" }, { value: "roll_back" }] },
            { name: "sure", type: "checkbox" },
            { name: "ticket", placeholder: "OPS-1" },
          ],
        },
      },
      { action: "", type: "link", url: "https://slipway.example.com/releases/12" },
    ]);
  });

  it("draws no button that would do nothing", () => {
    const sample = sampleCards["actions"] ?? { title: "", tone: "neutral" as const, blocks: [] };
    const { card } = renderRoomMessage({ card: sample, tokens: new Map() });
    const [block] = card.blocks;
    expect(block?.type === "actions" && block.actions.map((action) => action.type)).toEqual([
      "link",
    ]);
  });
});
