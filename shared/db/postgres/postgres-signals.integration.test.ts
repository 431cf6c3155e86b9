import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { describeWith } from "../../testing/needs.ts";
import { hasPostgres, startPostgres, type PostgresCluster } from "../../testing/postgres.ts";
import { joinDatabase, type TestMember } from "../../testing/shared-database.ts";
import { TOPICS, type Topic } from "../signals.ts";

const DATABASE = "signals";
const COUNT_LISTENERS = "SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN slipway'";

describeWith("PostgreSQL", hasPostgres)("signals between processes", () => {
  let cluster: PostgresCluster;
  let here: TestMember;
  let there: TestMember;
  /** What the other process heard. */
  let heard: Topic[];

  beforeAll(async () => {
    cluster = await startPostgres();
    await cluster.createDatabase(DATABASE);
  });
  afterAll(() => cluster.remove());
  beforeEach(async () => {
    here = await joinDatabase(cluster.url(DATABASE));
    there = await joinDatabase(cluster.url(DATABASE));
    heard = [];
    for (const topic of TOPICS) {
      there.signals.on(topic, () => heard.push(topic));
    }
  });
  afterEach(async () => {
    await here.close();
    await there.close();
  });

  it("come after the commit, once each, whatever was said in the transaction", async () => {
    await here.uow.run(async (tx) => {
      tx.signal("room");
      tx.signal("room");
      tx.signal("inbox");
      await tx.enqueue({ name: "card.refresh", payload: {} });
      expect(heard).toEqual([]);
    });
    await vi.waitFor(() => expect(heard.sort()).toEqual(["inbox", "jobs", "room"]));
  });

  it("never come from a transaction that is not kept", async () => {
    const refused = here.uow.run(async (tx) => {
      tx.signal("room");
      throw new Error("no");
    });
    await expect(refused).rejects.toThrow("no");
    await here.uow.run(async (tx) => tx.signal("inbox"));
    await vi.waitFor(() => expect(heard).toEqual(["inbox"]));
  });

  it("are heard in the own process at the commit, and not a second time", async () => {
    const own: Topic[] = [];
    here.signals.on("room", () => own.push("room"));
    await here.uow.run(async (tx) => tx.signal("room"));
    expect(own).toEqual(["room"]);
    await vi.waitFor(() => expect(heard).toEqual(["room"]));
    await here.uow.run(async (tx) => tx.signal("inbox"));
    await vi.waitFor(() => expect(heard).toEqual(["room", "inbox"]));
    expect(own).toEqual(["room"]);
  });

  it("make everybody look when the connection was lost, because anything may have been missed", async () => {
    await cluster.query(`SELECT pg_terminate_backend(pid) FROM (${COUNT_LISTENERS}) AS listeners`);
    await vi.waitFor(() => expect([...new Set(heard)].sort()).toEqual([...TOPICS].sort()), {
      timeout: 10_000,
    });
    expect(there.signals.isConnected).toBe(true);
    heard.length = 0;
    await here.uow.run(async (tx) => tx.signal("room"));
    await vi.waitFor(() => expect(heard).toContain("room"));
  });

  it("tell that nobody is heard while the server is away, and come back with it", async () => {
    await cluster.stop("immediate");
    await vi.waitFor(() => expect(there.signals.isConnected).toBe(false));
    await cluster.start();
    await vi.waitFor(() => expect(there.signals.isConnected).toBe(true), { timeout: 20_000 });
  });

  it("leave no connection behind", async () => {
    await there.close();
    await here.close();
    await vi.waitFor(async () => expect(await cluster.query(COUNT_LISTENERS)).toEqual([]));
    here = await joinDatabase(cluster.url(DATABASE));
    there = await joinDatabase(cluster.url(DATABASE));
  });
});
