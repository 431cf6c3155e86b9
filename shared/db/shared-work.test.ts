import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { TeamRow } from "./rows/team.ts";
import { createSharedWork } from "./shared-work.ts";
import type { Tx } from "./unit-of-work.types.ts";

let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase();
});
afterEach(async () => {
  await db.close();
});

async function insert(tx: Tx, names: readonly string[]): Promise<readonly string[]> {
  await TeamRow.bulkCreate(
    names.map((name) => ({ name, description: "", members: [], updatedAt: db.clock.now() })),
    { transaction: tx.sequelize },
  );
  return names.map((name) => `made ${name}`);
}

describe(createSharedWork.name, () => {
  it("serves everybody who waits with few works, each with their own result", async () => {
    const rounds: number[] = [];
    const add = createSharedWork(db.uow, (tx, names: readonly string[]) => {
      rounds.push(names.length);
      return insert(tx, names);
    });
    const names = Array.from({ length: 450 }, (_, index) => `team-${index}`);
    expect(await Promise.all(names.map(add))).toEqual(names.map((name) => `made ${name}`));
    expect(rounds).toEqual([200, 200, 50]);
    expect(await TeamRow.count()).toBe(450);
  });

  it("serves who comes while a round is written in the next", async () => {
    const add = createSharedWork(db.uow, insert);
    const later: Promise<string>[] = [];
    const first = add("a").then(() => {
      later.push(add("c"));
    });
    const second = add("b");
    await Promise.all([first, second]);
    expect(await Promise.all(later)).toEqual(["made c"]);
  });

  it("tells everybody of the round when it fails, keeps nothing of it, and goes on", async () => {
    const add = createSharedWork(db.uow, insert);
    await add("a");
    const results = await Promise.allSettled(["b", "a", "c"].map(add));
    expect(results.map((result) => result.status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(await TeamRow.count()).toBe(1);
    expect(await add("b")).toBe("made b");
  });

  it("tells everybody when no transaction can begin", async () => {
    const add = createSharedWork({ run: () => Promise.reject(new Error("no disk")) }, insert);
    const results = await Promise.allSettled(["a", "b"].map(add));
    expect(results.map((result) => result.status)).toEqual(["rejected", "rejected"]);
  });
});
