import { effectScope } from "vue";
import { describe, expect, it } from "vitest";
import { useRequest } from "./use-request.ts";

describe(useRequest.name, () => {
  it("shows the answer of the newest load, whichever comes first", async () => {
    const answers: ((value: string) => void)[] = [];
    const scope = effectScope();
    const request = scope.run(() =>
      useRequest(() => new Promise<string>((resolve) => answers.push(resolve))),
    );
    const reloaded = request?.reload();

    answers[1]?.("new");
    answers[0]?.("old");
    await reloaded;

    expect(request?.data.value).toBe("new");
    scope.stop();
  });

  it("keeps what is shown when loading again fails, and says so", async () => {
    let attempt = 0;
    const scope = effectScope();
    const request = scope.run(() =>
      useRequest(async () => {
        attempt += 1;
        if (attempt > 1) {
          throw new Error("gone");
        }
        return "shown";
      }),
    );
    await Promise.resolve();
    await request?.reload();

    expect(request?.error.value?.message).toBe("gone");
    expect(request?.status.value).toBe("failed");
    scope.stop();
  });

  it("aborts when the page goes away", () => {
    let seen: AbortSignal | undefined;
    const scope = effectScope();
    scope.run(() =>
      useRequest((signal) => {
        seen = signal;
        return new Promise<string>(() => undefined);
      }),
    );

    scope.stop();

    expect(seen?.aborted).toBe(true);
  });
});
