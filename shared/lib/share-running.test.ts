import { describe, expect, it } from "vitest";
import { createShareRunning } from "./share-running.ts";

describe(createShareRunning.name, () => {
  it("runs once for all who ask for the same while it runs", async () => {
    const share = createShareRunning<number>();
    let runs = 0;
    const work = async () => (runs += 1);

    expect(await Promise.all([share("a", work), share("a", work), share("b", work)])).toEqual([
      1, 1, 2,
    ]);
    expect(await share("a", work)).toBe(3);
  });

  it("gives an error to all of them, and forgets it", async () => {
    const share = createShareRunning<string>();
    const fail = () => Promise.reject(new Error("no"));

    const both = await Promise.allSettled([share("a", fail), share("a", fail)]);

    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await share("a", async () => "fine")).toBe("fine");
  });
});
