import { describe, expect, it } from "vitest";
import { ProblemError } from "../api/problem.ts";
import { useAction } from "./use-action.ts";

describe(useAction.name, () => {
  it("runs once when it is started twice", async () => {
    let finish: () => void = () => undefined;
    let started = 0;
    const action = useAction(async () => {
      started += 1;
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
    });

    const first = action.run();
    const second = action.run();
    finish();

    expect(await Promise.all([first, second])).toEqual([true, false]);
    expect(started).toBe(1);
  });

  it("keeps every reason of a refusal for showing", async () => {
    const action = useAction(() =>
      Promise.reject(
        new ProblemError({
          type: "about:blank",
          title: "Blocked",
          status: 409,
          detail: "Not deployed: prod is locked.",
          instance: "/api/v1/releases/12/deploy",
          code: "deployment.blocked",
          remedy: null,
          correlationId: "c-1",
          requirements: [{ code: "locked", reason: "prod is locked.", remedy: "Unlock it." }],
        }),
      ),
    );

    expect(await action.run()).toBe(false);
    expect(action.error.value).toEqual({
      message: "Not deployed: prod is locked.",
      remedy: null,
      reasons: [{ code: "locked", reason: "prod is locked.", remedy: "Unlock it." }],
      reference: null,
    });
  });
});
