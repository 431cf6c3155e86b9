import { Op } from "sequelize";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { SearchEntryRow } from "./rows/search-entry.ts";
import { indexTexts, matching } from "./search.ts";

let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase();
});
afterEach(async () => {
  await db.close();
});

function index(ref: string, texts: Readonly<Record<string, string>>): Promise<void> {
  return db.uow.run((tx) =>
    indexTexts(tx.sequelize, "release", ref, new Map(Object.entries(texts))),
  );
}

async function find(question: string): Promise<readonly string[]> {
  const rows = await SearchEntryRow.findAll({
    where: { ref: { [Op.in]: matching("release", question) ?? [] } },
    attributes: ["ref"],
  });
  return [...new Set(rows.map(({ ref }) => ref))].sort();
}

describe("the full-text index", () => {
  beforeEach(async () => {
    await index("1", {
      "": "uat\nmaster\nprod",
      "checkout-api": "checkout-api\nFix the Überweisung",
    });
    await index("2", { "": "next_1 preprod", billing: "billing-service: refund (#77) in C++" });
    await index("3", { "": "a b c", "billing-web": 'billing-web\nO\'Reilly said "no" \\ 100%' });
  });

  it.each([
    ["checkout", ["1"]],
    ["check", ["1"]],
    ["CHECKOUT-API", ["1"]],
    ["api checkout", ["1"]],
    ["checkout-web", []],
    ["heckout", []],
    ["uberw", ["1"]],
    ["Überweisung", ["1"]],
    ["bill", ["2", "3"]],
    ["bill refund", ["2"]],
    ["billing prep", ["2"]],
    ["next_", ["2"]],
    ["#77", ["2"]],
    ["o'reilly", ["3"]],
    ["100%", ["3"]],
    ["prod", ["1"]],
    ["%", []],
    ["", []],
    ["*", []],
    ['"', []],
    ["' OR 1=1 --", []],
    ["'; DROP TABLE search_entries; --", []],
    ["checkout AND NOT api", []],
    ["words:checkout", []],
    ["NEAR(checkout api)", []],
    ["checkout & !api | (", ["1"]],
    ["che:* <-> ckout", []],
    ["\0\uD800checkout", ["1"]],
    ["checkout ".repeat(10_000), ["1"]],
  ])("finds by %j: %j", async (question, refs) => {
    expect(await find(question)).toEqual(refs);
  });

  it("forgets what a part said before, and keeps the other parts", async () => {
    await index("1", { "checkout-api": "now about ledgers" });
    expect(await find("uberweisung")).toEqual([]);
    expect(await find("ledgers master")).toEqual(["1"]);
    await index("1", { "checkout-api": "" });
    expect(await find("ledgers")).toEqual([]);
    expect(await find("master")).toEqual(["1"]);
  });

  it("is undone with the work that failed", async () => {
    const failed = db.uow.run(async (tx) => {
      await indexTexts(tx.sequelize, "release", "1", new Map([["", "nowhere"]]));
      throw new Error("no");
    });
    await expect(failed).rejects.toThrow("no");
    expect(await find("nowhere")).toEqual([]);
    expect(await find("master")).toEqual(["1"]);
  });

  it("takes a text of any length and says nothing of the words after the first thousands", async () => {
    const words = Array.from({ length: 50_000 }, (_, at) => `${at}${"w".repeat(60)}`).join(" ");
    await index("4", { "": words });
    expect(await find("9999w")).toEqual(["4"]);
    expect(await find("49999w")).toEqual([]);
  });
});
