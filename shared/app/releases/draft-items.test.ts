import { describe, expect, it } from "vitest";
import type { Comparison } from "../../core/ports/scm.ts";
import { draftItems, draftNotes, NOTHING_TOUCHED, type RepositoryReading } from "./draft-items.ts";

function reading(comparison: Partial<Comparison> = {}): RepositoryReading {
  const files = [{ path: "apps/shop/a.ts", change: "added" as const }];
  return {
    patchIdentity: "p",
    pullRequest: null,
    ci: null,
    comparison: {
      repository: { provider: "fake:0", name: "mono", locator: "mono" },
      baseSha: "b",
      headSha: "h",
      mergeBaseSha: "b",
      commits: [
        {
          sha: "h",
          title: "feat: basket",
          body: "",
          authors: [{ name: "Dana", email: "dana@example.com" }],
          authoredAt: new Date("2026-11-01T10:00:00Z"),
          url: null,
        },
      ],
      commitCount: 1,
      behindCount: 0,
      files,
      fileCount: files.length,
      truncated: false,
      url: null,
      ...comparison,
    },
  };
}

const shop = { name: "shop", repository: "mono", path: "apps/shop" };
const mail = { name: "mail", repository: "mono", path: "apps/mail" };
const whole = { name: "mono", repository: "mono", path: "" };

describe(draftItems.name, () => {
  it.each([
    ["the folder with changes", [shop, mail], ["shop"]],
    ["the whole repository beside its folders", [whole, mail], ["mono"]],
    ["no folder whose name is only alike", [{ ...shop, path: "apps/sho" }, shop], ["shop"]],
    ["a folder written with a slash", [{ ...shop, path: "apps/shop/" }], ["shop"]],
  ])("takes %s", (_what, services, names) => {
    const { items, problems } = draftItems(reading(), services, []);

    expect(items.map(({ service }) => service)).toEqual(names);
    expect(problems).toEqual([]);
  });

  it("takes every service where nobody can tell which files changed", () => {
    const { items } = draftItems(reading({ fileCount: 9_000, truncated: true }), [shop, mail], []);

    expect(items.map(({ service, truncated }) => [service, truncated])).toEqual([
      ["shop", true],
      ["mail", true],
    ]);
  });

  it("says so when the changed files belong to no service", () => {
    const { items, problems } = draftItems(reading(), [mail], []);

    expect(items).toEqual([]);
    expect(problems).toMatchObject([{ repository: "mono", code: NOTHING_TOUCHED }]);
  });

  it("keeps 500 commits and the true number of them", () => {
    const [first] = reading().comparison.commits;
    const commits = Array.from({ length: 600 }, (_, index) => ({
      ...(first ?? expect.fail()),
      sha: `c${index}`,
    }));

    const [item] = draftItems(reading({ commits, commitCount: 700 }), [whole], []).items;

    expect(item).toMatchObject({ commitCount: 700, truncated: true });
    expect(item?.commits).toHaveLength(500);
    expect(item?.contributors).toMatchObject([{ commitCount: 600 }]);
  });
});

describe(draftNotes.name, () => {
  it("is the same whatever the order repositories answered in", () => {
    const messages = ["billing", "auth"].map((service) => ({
      service,
      commits: [{ sha: "a".repeat(40), title: "feat!: new", body: "" }],
      commitCount: 1,
    }));

    expect(draftNotes(messages)).toEqual(draftNotes([...messages].reverse()));
    expect(draftNotes(messages).breaking).toBe("auth: new\nbilling: new");
  });
});
