import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ChatDeliveryRow } from "../../db/rows/chat-delivery.ts";
import { JobRow } from "../../db/rows/job.ts";
import { createWorkQueue } from "../../db/work-queue.ts";
import { createFakeScm } from "../../testing/fake-scm.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "../releases/testing/release-bench.ts";
import { createForgeEars, HEAR_DELAY_MS, type ForgeEar } from "./hear-forge.ts";

const dana = person("dana");
const secret = "hush-hush";

let bench: ReleaseBench;
let ear: ForgeEar;

beforeEach(async () => {
  bench = await createReleaseBench({ scmOptions: { id: "fake:0", webhookSecret: secret } });
  for (const name of ["acme/auth", "acme/billing"]) {
    addRepository(bench.scm, name, ["feat: x"]);
  }
  addRepository(bench.scm, "acme/idle", []);
  await bench.services.create(dana, { source: "uat", destination: "master" });
  ear = listen();
});
afterEach(() => bench.close());

function listen(scms = bench.deps.scms): ForgeEar {
  const found = createForgeEars(bench.deps, scms).get("fake");
  if (!found) {
    throw new Error("nobody listens");
  }
  return found;
}

function push(deliveryId: string, repository: string, branches: readonly string[] | null) {
  return bench.scm.webhook({ deliveryId, repository, branches });
}

async function jobs() {
  const rows = await JobRow.findAll({ where: { name: "release.refresh", status: "waiting" } });
  return rows.map(({ payload }) => payload["number"]);
}

describe(createForgeEars.name, () => {
  it("listens for the kinds of providers that call", () => {
    const silent = createFakeScm({ id: "git:0" });
    const loud = [0, 1].map((index) => createFakeScm({ id: `forge:${index}`, webhookSecret: "x" }));
    expect([...createForgeEars(bench.deps, [silent, ...loud]).keys()]).toEqual(["forge"]);
  });

  it("asks for a refresh of the open release that shows the branch", async () => {
    expect(await ear(push("d1", "acme/auth", ["uat"]))).toBe(202);
    expect(await jobs()).toEqual([1]);
    expect(await JobRow.findOne()).toMatchObject({
      key: "release.refresh/1",
      runAt: expect.any(Date) as Date,
    });
  });

  it.each([
    ["the source of one that would join now", "acme/idle", ["uat"], [1]],
    ["the destination", "acme/auth", ["master"], [1]],
    ["another branch", "acme/auth", ["feature/x"], []],
    ["no branch, of a repository of the release", "acme/auth", null, [1]],
    ["no branch, of one that is not in it", "acme/idle", null, []],
  ])("takes a change of %s as what it is", async (_what, repository, branches, releases) => {
    expect(await ear(push("d1", repository, branches))).toBe(202);
    expect(await jobs()).toEqual(releases);
  });

  it("leaves closed releases and those of other repositories alone", async () => {
    await bench.services.close(dana, 1, "not needed");
    await bench.services.create(dana, {
      source: "uat",
      destination: "master",
      repositories: ["acme/billing"],
    });
    await ear(push("d1", "acme/auth", ["uat"]));
    expect(await jobs()).toEqual([]);
    await ear(push("d2", "acme/billing", ["uat"]));
    expect(await jobs()).toEqual([2]);
  });

  it("believes nobody who does not know the secret", async () => {
    const forger = createFakeScm({ id: "fake:0", webhookSecret: "guessed" });
    const forged = forger.webhook({ deliveryId: "d1", repository: "acme/auth", branches: ["uat"] });
    expect(await ear(forged)).toBe(401);
    expect(await ear({ headers: {}, body: forged.body })).toBe(401);
    expect(await ear({ headers: {}, body: "x".repeat(1_000_000) })).toBe(401);
    expect(await jobs()).toEqual([]);
    expect(await ChatDeliveryRow.count()).toBe(0);
  });

  it("ignores what concerns nothing of ours", async () => {
    expect(await ear(push("d1", "acme/unknown", ["uat"]))).toBe(204);
    expect(await jobs()).toEqual([]);
  });

  it("takes a delivery once, and answers the same when it is replayed", async () => {
    const call = push("d1", "acme/auth", ["uat"]);
    expect(await ear(call)).toBe(202);
    await JobRow.destroy({ where: {} });
    expect(await ear(call)).toBe(202);
    expect(await jobs()).toEqual([]);
  });

  it("believes a call when one of several providers of the kind does", async () => {
    const other = createFakeScm({ id: "fake:1", webhookSecret: "another" });
    const both = listen([other, bench.scm]);
    expect(await both(push("d1", "acme/auth", ["uat"]))).toBe(202);
    expect(await jobs()).toEqual([1]);
  });

  it("is not brought down by a provider that cannot read a call", async () => {
    const broken = {
      ...createFakeScm({ id: "fake:1" }),
      hear: () => Promise.reject(new Error("unexpected token")),
    };
    expect(await listen([broken, bench.scm])(push("d1", "acme/auth", ["uat"]))).toBe(202);
    expect(await listen([broken])(push("d2", "acme/auth", ["uat"]))).toBe(204);
  });

  it("makes one refresh of a hundred pushes, which sees the last of them", async () => {
    const queue = createWorkQueue({
      ...bench.deps,
      sequelize: bench.database.sequelize,
      timers: bench.database.clock,
    });
    let refreshes = 0;
    queue.work("release.refresh", { concurrency: 2 }, async (payload) => {
      refreshes += 1;
      await bench.handleRefreshJob(payload);
    });
    const auth = bench.scm.repository("acme/auth");
    for (let index = 0; index < 100; index += 1) {
      auth.commit("uat", { title: `fix: ${index}`, files: { "a.ts": String(index) } });
      expect(await ear(push(`d${index}`, "acme/auth", ["uat"]))).toBe(202);
    }
    bench.database.clock.set(new Date(bench.database.clock.now().getTime() + HEAR_DELAY_MS));
    await queue.runDue();
    expect(refreshes).toBe(1);
    const release = await bench.services.view(dana, 1);
    const item = release.items.find(({ repository }) => repository === "acme/auth");
    expect(item?.headSha).toBe(auth.tip("uat"));
    expect(item?.commitCount).toBe(101);
  });
});
