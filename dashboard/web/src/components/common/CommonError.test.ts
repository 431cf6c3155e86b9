import { render, screen } from "@testing-library/vue";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import CommonError from "./CommonError.vue";

const error = { message: "It broke.", remedy: "Wait.", reasons: [], reference: "c-42" };

describe("CommonError", () => {
  it("offers to try again unless it is told that this makes no sense", async () => {
    const { emitted, rerender } = render(CommonError, { props: { error } });
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(emitted()["retry"]).toHaveLength(1);

    await rerender({ canRetry: false });
    expect(screen.queryByRole("button")).toBeNull();
  });
});
