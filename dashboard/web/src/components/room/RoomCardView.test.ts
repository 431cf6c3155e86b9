import { render, screen } from "@testing-library/vue";
import { describe, expect, it } from "vitest";
import type { RoomCard } from "../../../../../shared/contract/card.ts";
import RoomCardView from "./RoomCardView.vue";

const wild = "**bold** [click](https://evil.example) <b>x</b>";

const card: RoomCard = {
  title: wild,
  tone: "info",
  blocks: [
    { type: "fields", fields: [{ label: "Created", value: wild }] },
    { type: "table", columns: ["Service"], rows: [[wild]] },
  ],
};

describe("a card in the room", () => {
  it("shows titles, values and cells exactly as they are written, never as markup", () => {
    render(RoomCardView, { props: { card, running: false } });
    expect(screen.getAllByText(wild)).toHaveLength(3);
    expect(screen.queryByRole("link")).toBeNull();
  });
});
