import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { describeWith } from "../testing/needs.ts";
import { hasPostgres, startPostgres, type PostgresCluster } from "../testing/postgres.ts";
import { joinDatabase, type TestMember } from "../testing/shared-database.ts";
import { createManualClock, type ManualClock } from "../testing/clock.ts";
import { underFence } from "./fence.ts";
import { createLeadership, LEASE_MS, type Leadership, type Term } from "./leadership.ts";
import { createLeases, LeaseGone } from "./leases.ts";
import { LeaseRow } from "./rows/lease.ts";
import { SequenceRow } from "./rows/sequence.ts";

const DATABASE = "leaders";

describeWith("PostgreSQL", hasPostgres)("one leader among several processes", () => {
  let cluster: PostgresCluster;
  let first: Candidate;
  let second: Candidate;

  beforeAll(async () => {
    cluster = await startPostgres();
    await cluster.createDatabase(DATABASE);
  });
  afterAll(() => cluster.remove());
  beforeEach(async () => {
    first = await join("host-a:1:first");
    second = await join("host-b:1:second");
  });
  afterEach(async () => {
    await first.leave();
    await second.leave();
    await cluster.query("DELETE FROM leases", [], DATABASE);
  });

  interface Candidate {
    readonly member: TestMember;
    readonly leadership: Leadership;
    readonly timers: ManualClock;
    readonly terms: Term[];
    /** What happened, in order. */
    readonly log: string[];
    leave(): Promise<void>;
  }

  async function join(identity: string): Promise<Candidate> {
    const member = await joinDatabase(cluster.url(DATABASE), { identity });
    const timers = createManualClock();
    const leases = createLeases({ ...member, owner: identity });
    const leadership = createLeadership({
      name: "chat",
      leases,
      signals: member.signals,
      logger: member.logger,
      timers,
      elapsed: () => timers.now().getTime(),
    });
    const terms: Term[] = [];
    const log: string[] = [];
    return {
      member,
      leadership,
      timers,
      terms,
      log,
      async leave() {
        await leadership.stop();
        await member.close();
      },
    };
  }

  async function lead(candidate: Candidate): Promise<void> {
    await candidate.leadership.start(async (term) => {
      candidate.terms.push(term);
      candidate.log.push("begins");
      return {
        async stop({ isLost }) {
          candidate.log.push(isLost ? "lost" : "ends");
        },
      };
    });
  }

  /** By the clock of the database, which no test can move. */
  async function letLeaseEnd(): Promise<void> {
    await cluster.query(
      "UPDATE leases SET until = clock_timestamp() - interval '1 ms'",
      [],
      DATABASE,
    );
  }

  function count(candidate: Candidate): Promise<void> {
    return candidate.member.uow.run(async (tx) => {
      await SequenceRow.upsert({ name: "test", value: 1 }, { transaction: tx.sequelize });
    });
  }

  it("leads alone, and another one takes over as soon as it ends in order", async () => {
    await lead(first);
    await lead(second);
    expect([first.leadership.isLeading, second.leadership.isLeading]).toEqual([true, false]);
    expect(await second.leadership.leader()).toMatchObject({ owner: "host-a:1:first" });

    await first.leadership.stop();
    await vi.waitFor(() => expect(second.leadership.isLeading).toBe(true));
    expect(first.log).toEqual(["begins", "ends"]);
    expect(second.terms[0]?.id).not.toBe(first.terms[0]?.id);
  });

  it("keeps its right while it beats", async () => {
    await lead(first);
    const until = () => LeaseRow.findByPk("chat").then((row) => row?.until.getTime() ?? 0);
    const before = await until();
    await first.timers.advance(2_500);
    await vi.waitFor(async () => expect(await until()).toBeGreaterThan(before));
    await first.timers.advance(LEASE_MS - 2_001);
    expect(first.leadership.isLeading).toBe(true);
    expect(first.log).toEqual(["begins"]);
  });

  it("counts itself out before anybody else can be it, although nobody tells it", async () => {
    await lead(first);
    const { terms, timers, leadership } = first;
    // Stopped in the middle of whatever it did: no timer runs, and the time is over when it wakes.
    timers.set(new Date(timers.now().getTime() + LEASE_MS - 2_000));
    expect(leadership.isLeading).toBe(false);
    expect(() => terms[0]?.check()).toThrow(LeaseGone);
    expect(terms[0]?.over.aborted).toBe(true);
    await vi.waitFor(() => expect(first.log).toEqual(["begins", "lost"]));
  });

  it("writes nothing any more once another one leads, whatever it believes", async () => {
    await lead(first);
    const [term] = first.terms;
    if (!term) {
      throw new Error("nobody leads");
    }
    await underFence(term, () => count(first));
    await letLeaseEnd();
    await lead(second);
    await vi.waitFor(() => expect(second.leadership.isLeading).toBe(true));

    expect(term.over.aborted).toBe(false);
    await expect(underFence(term, () => count(first))).rejects.toThrow(LeaseGone);
    await count(first);
    await first.timers.advance(2_500);
    await vi.waitFor(() => expect(first.log).toEqual(["begins", "lost"]));
  });

  it("lets nobody take over in the middle of what it writes", async () => {
    await lead(first);
    const [term] = first.terms;
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun: () => void = () => undefined;
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const writing = term
      ? underFence(term, () =>
          first.member.uow.run(async () => {
            begun();
            await gate;
          }),
        )
      : Promise.reject(new Error("nobody leads"));
    await isBegun;
    let tookOver = false;
    const ending = letLeaseEnd().then(async () => {
      await lead(second);
      tookOver = second.leadership.isLeading;
    });
    await vi.waitFor(async () => {
      const waiting = await cluster.query(
        "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'UPDATE leases%'",
        [],
        "postgres",
      );
      expect(waiting).toHaveLength(1);
    });
    release();
    await writing;
    await ending;
    await vi.waitFor(() => expect(second.leadership.isLeading || tookOver).toBe(true));
  });

  it("keeps nobody waiting who stopped in the middle of what it wrote", async () => {
    await lead(first);
    const [term] = first.terms;
    const stuck = term
      ? underFence(term, () => first.member.uow.run(() => new Promise<void>(() => undefined)))
      : undefined;
    stuck?.catch(() => undefined);
    await vi.waitFor(async () => {
      const idle = await cluster.query(
        "SELECT 1 FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE '%FOR SHARE%'",
      );
      expect(idle).toHaveLength(1);
    });
    await letLeaseEnd();
    await lead(second);
    await vi.waitFor(() => expect(second.leadership.isLeading).toBe(true), { timeout: 10_000 });
  });

  it("takes over at once from a process of this machine that is gone", async () => {
    const gone = await join(second.member.identity.replace("host-b", "host-c"));
    await lead(gone);
    expect(gone.leadership.isLeading).toBe(true);
    // The same machine and the same number, so an earlier process.
    const next = await join("host-c:1:restarted");
    await lead(next);
    expect(next.leadership.isLeading).toBe(true);
    await gone.leave();
    await next.leave();
  });

  it("goes on leading over a short absence of the database, and not over a long one", async () => {
    await lead(first);
    await cluster.stop("immediate");
    await first.timers.advance(2_500);
    expect(first.leadership.isLeading).toBe(true);
    await first.timers.advance(LEASE_MS);
    expect(first.leadership.isLeading).toBe(false);
    await cluster.start();
    await letLeaseEnd();
    await vi.waitFor(
      async () => {
        await first.timers.advance(1_000);
        expect(first.leadership.isLeading).toBe(true);
      },
      { timeout: 20_000 },
    );
    expect(first.log).toEqual(["begins", "lost", "begins"]);
  });
});

describeWith("PostgreSQL", hasPostgres)("work that one process does at a time", () => {
  let cluster: PostgresCluster;
  let members: TestMember[];

  beforeAll(async () => {
    cluster = await startPostgres();
    await cluster.createDatabase(DATABASE);
  });
  afterAll(() => cluster.remove());
  beforeEach(async () => {
    members = [
      await joinDatabase(cluster.url(DATABASE), { identity: "host-a:1:a" }),
      await joinDatabase(cluster.url(DATABASE), { identity: "host-b:1:b" }),
    ];
  });
  afterEach(async () => {
    await Promise.all(members.map((member) => member.close()));
  });

  it("never overlaps, and other work is not kept waiting by it", async () => {
    let running = 0;
    let most = 0;
    let others = 0;
    await Promise.all(
      members.flatMap(({ processes }) =>
        Array.from({ length: 3 }, () =>
          processes.exclusive("claims/dana", async () => {
            running += 1;
            most = Math.max(most, running);
            await processes.exclusive(`claims/quinn-${processes.identity}-${running}`, async () => {
              others += 1;
            });
            running -= 1;
          }),
        ),
      ),
    );
    expect([most, others]).toEqual([1, 6]);
  });

  it("is free again after it failed", async () => {
    const [one, two] = members;
    const failing = one?.processes.exclusive("x", () => Promise.reject(new Error("broken")));
    await expect(failing).rejects.toThrow("broken");
    expect(await two?.processes.exclusive("x", async () => "done")).toBe("done");
  });

  it("can be held for good, and the others learn by whom", async () => {
    const [one, two] = members;
    const held = await one?.processes.hold("embedded-identity");
    expect(await two?.processes.hold("embedded-identity")).toBeNull();
    expect(await two?.processes.holder("embedded-identity")).toBe("host-a:1:a");
    await held?.release();
    expect(await two?.processes.hold("embedded-identity")).not.toBeNull();
  });
});
