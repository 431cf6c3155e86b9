import { render, screen } from "@testing-library/vue";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import CommonAbilityButton from "./CommonAbilityButton.vue";

const refusal = { allowed: false, reason: "prod is locked.", remedy: "Say `unlock prod`." };

describe("CommonAbilityButton", () => {
  it("says why it cannot be pressed and what to do, and does nothing when pressed", async () => {
    const { emitted } = render(CommonAbilityButton, {
      props: { ability: refusal },
      slots: { default: "Deploy" },
    });

    const button = screen.getByRole("button", { name: "Deploy" });
    await userEvent.click(button);

    expect(button.getAttribute("aria-disabled")).toBe("true");
    expect(screen.getByText("prod is locked. Say `unlock prod`.")).toBeTruthy();
    expect(emitted()["press"]).toBeUndefined();
  });

  it("ignores presses while what it started is running", async () => {
    const { emitted, rerender } = render(CommonAbilityButton, {
      props: { ability: { allowed: true, reason: null, remedy: null }, running: false },
      slots: { default: "Deploy" },
    });

    await userEvent.click(screen.getByRole("button"));
    await rerender({ running: true });
    await userEvent.click(screen.getByRole("button"));

    expect(emitted()["press"]).toHaveLength(1);
  });
});
