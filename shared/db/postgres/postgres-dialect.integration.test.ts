import { QueryTypes } from "sequelize";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { systemActor } from "../../core/actor.ts";
import { GENESIS_HASH, hashEvent } from "../../events/event-hash.ts";
import type { NewEvent } from "../../events/events.ts";
import { createLogger } from "../../lib/logger.ts";
import { describeWith } from "../../testing/needs.ts";
import { startProcess } from "../../testing/child-process.ts";
import { hasPostgres, startPostgres, type PostgresCluster } from "../../testing/postgres.ts";
import { openDatabase, type Database } from "../connect.ts";
import type { DialectOptions } from "../dialect.ts";
import { migrate } from "../migrate.ts";
import { EventRow } from "../rows/event.ts";
import { JobRow } from "../rows/job.ts";
import { TeamRow } from "../rows/team.ts";
import { startPostgresProxy, type PostgresProxy } from "../testing/postgres-proxy.ts";
import { createUnitOfWork } from "../unit-of-work.ts";
import type { Tx, UnitOfWork } from "../unit-of-work.types.ts";

const logger = createLogger({ level: "silent" });
const TEMPLATE = "template_of_faults";

let cluster: PostgresCluster;
let proxy: PostgresProxy;
let databases = 0;
let name: string;
let database: Database;
let uow: UnitOfWork;
const opened: Database[] = [];

function closed(number: number): NewEvent {
  return {
    name: "release.closed",
    payload: { number, reason: "test" },
    actor: systemActor,
    subject: { kind: "release", id: String(number) },
  };
}

async function open(url: string, options: DialectOptions = {}): Promise<Database> {
  const one = await openDatabase({ url, logger, ...options });
  opened.push(one);
  return one;
}

function unitOfWork(over: Database): UnitOfWork {
  return createUnitOfWork({
    database: over,
    subscribers: [],
    correlationId: () => null,
    clock: { now: () => new Date() },
    onCommit: () => undefined,
    logger,
  });
}

function addTeam(team: string, tx: Tx): Promise<TeamRow> {
  return TeamRow.create(
    { name: team, description: "", members: [], updatedAt: new Date() },
    { transaction: tx.sequelize },
  );
}

async function teams(): Promise<readonly string[]> {
  return (await TeamRow.findAll({ order: ["name"] })).map((row) => row.name);
}

/** The subjects of all facts, after proving that the chain has no fork, gap or change. */
async function chain(): Promise<readonly string[]> {
  const events = await EventRow.findAll({ order: ["seq"] });
  let previousHash = GENESIS_HASH;
  events.forEach((event, index) => {
    expect(event.seq).toBe(index + 1);
    expect(event.previousHash).toBe(previousHash);
    expect(hashEvent(event.get({ plain: true }))).toBe(event.hash);
    previousHash = event.hash;
  });
  return events.map((event) => event.subjectId);
}

function sql(text: string): Promise<unknown> {
  return cluster.query(text, [], name);
}

describeWith("PostgreSQL", hasPostgres)("PostgreSQL on a bad day", () => {
  beforeAll(async () => {
    cluster = await startPostgres();
    await cluster.createDatabase(TEMPLATE);
    const template = await openDatabase({ url: cluster.url(TEMPLATE), logger });
    await migrate(template, { logger });
    await template.close();
  });
  afterAll(() => cluster.remove());
  beforeEach(async () => {
    databases += 1;
    name = `faults_${databases}`;
    await cluster.createDatabase(name, TEMPLATE);
    proxy = await startPostgresProxy(cluster.port);
    database = await open(proxy.through(cluster.url(name)));
    uow = unitOfWork(database);
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.close()));
    await proxy.close();
    await cluster.dropDatabase(name);
  });

  it("does a work again, once, when the server was restarted in the middle of it", async () => {
    let runs = 0;
    await uow.run(async (tx) => {
      runs += 1;
      await addTeam("payments", tx);
      await tx.emit(closed(runs));
      if (runs === 1) {
        await cluster.stop("immediate");
        await cluster.start();
      }
    });
    expect(runs).toBe(2);
    expect(await teams()).toEqual(["payments"]);
    expect(await chain()).toEqual(["2"]);
  });

  it("loses and doubles nothing of many works while the server restarts twice", async () => {
    const works = Array.from({ length: 300 }, (_, index) =>
      uow
        .run(
          async (tx) => {
            await addTeam(`team-${String(index).padStart(3, "0")}`, tx);
            if (index % 3 !== 0) {
              await tx.emit(closed(index));
            }
          },
          { inTurn: index % 3 !== 0 },
        )
        .then(() => index),
    );
    await Promise.race(works.slice(20));
    await cluster.stop("fast");
    await cluster.start();
    await Promise.race(works.slice(200));
    await cluster.stop("immediate");
    await cluster.start();
    const results = await Promise.allSettled(works);

    const there = new Set(await teams());
    results.forEach((result, index) => {
      const team = `team-${String(index).padStart(3, "0")}`;
      // Whoever was told that it is kept finds it; whoever was told that nothing was changed does not.
      expect([index, there.has(team)]).toEqual([index, result.status === "fulfilled"]);
    });
    const told = await chain();
    expect(told.length).toBe(new Set(told).size);
  });

  it("says what is wrong while the server is away, and works when it is back", async () => {
    await cluster.stop();
    try {
      await expect(uow.run((tx) => addTeam("payments", tx))).rejects.toMatchObject({
        code: "storage.unavailable",
        remedy: expect.stringMatching(/PostgreSQL|moment/) as string,
      });
      await expect(teams()).rejects.toMatchObject({ code: "storage.unavailable" });
      await expect(open(cluster.url(name))).rejects.toMatchObject({
        code: "database.unusable",
        message: expect.stringContaining(`nothing answers at 127.0.0.1:${cluster.port}`) as string,
      });
    } finally {
      await cluster.start();
    }
    await uow.run((tx) => addTeam("payments", tx));
    expect(await teams()).toEqual(["payments"]);
  });

  it("does not notice that idle connections were ended", async () => {
    await Promise.all([1, 2, 3, 4, 5].map(() => teams()));
    await uow.run((tx) => addTeam("before", tx));
    await cluster.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
      [name],
    );
    expect(await teams()).toEqual(["before"]);
    await cluster.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
      [name],
    );
    await uow.run((tx) => addTeam("after", tx));
    expect(await teams()).toEqual(["after", "before"]);
  });

  it.each([
    ["facts and rows", true],
    ["rows alone", false],
  ])("finds out that a commit of %s was kept though its answer was lost", async (_what, emits) => {
    const broken = proxy.breakCommit("answer lost");
    let runs = 0;
    await uow.run(async (tx) => {
      runs += 1;
      await addTeam("payments", tx);
      if (emits) {
        await tx.emit(closed(1));
      }
    });
    await broken;
    expect(runs).toBe(1);
    expect(await teams()).toEqual(["payments"]);
    expect(await chain()).toEqual(emits ? ["1"] : []);
  });

  it("does a work again whose commit never arrived", async () => {
    const broken = proxy.breakCommit("lost on the way");
    let runs = 0;
    await uow.run(async (tx) => {
      runs += 1;
      await addTeam("payments", tx);
      await tx.emit(closed(runs));
    });
    await broken;
    expect(runs).toBe(2);
    expect(await teams()).toEqual(["payments"]);
    expect(await chain()).toEqual(["2"]);
  });

  it.each([
    ["kept, by its fact", true, undefined],
    ["unknown without facts, and does nothing twice", false, "storage.outcome_unknown"],
  ])("after a crash in the commit tells that it is %s", async (_what, emits, code) => {
    // From here on nobody new gets in; the work has the connection that is there.
    await teams();
    const letIn = proxy.hold();
    const broken = proxy.breakCommit("answer lost");
    let runs = 0;
    const work = uow.run(async (tx) => {
      runs += 1;
      await addTeam("payments", tx);
      if (emits) {
        await tx.emit(closed(1));
      }
    });
    const outcome = work.then(
      () => undefined,
      (error: { code: string }) => error.code,
    );
    await broken;
    await cluster.stop("immediate");
    await cluster.start();
    letIn();
    expect(await outcome).toBe(code);
    expect(runs).toBe(1);
    expect(await teams()).toEqual(["payments"]);
  });

  it("goes on with the standby that was promoted, and keeps what was committed", async () => {
    const standby = await cluster.standby();
    try {
      await cluster.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
      await cluster.query("SELECT pg_reload_conf()");
      await uow.run(async (tx) => {
        await addTeam("before", tx);
        await tx.emit(closed(1));
      });
      let runs = 0;
      await uow.run(async (tx) => {
        runs += 1;
        await addTeam("during", tx);
        await tx.emit(closed(2));
        if (runs === 1) {
          await cluster.stop("immediate");
          await standby.promote();
          proxy.leadTo(standby.port);
        }
      });
      expect(await teams()).toEqual(["before", "during"]);
      expect(await chain()).toEqual(["1", "2"]);
    } finally {
      await Promise.all(opened.splice(0).map((one) => one.close()));
      await standby.remove();
      await cluster.start();
      await cluster.query("ALTER SYSTEM RESET synchronous_standby_names");
      await cluster.query("SELECT pg_reload_conf()");
    }
  });

  it("says that the server only reads, and leaves it when the name leads to another", async () => {
    const standby = await cluster.standby();
    try {
      proxy.leadTo(standby.port);
      await cluster.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
        [name],
      );
      await expect(uow.run((tx) => addTeam("payments", tx))).rejects.toMatchObject({
        code: "storage.unavailable",
        data: { why: "the PostgreSQL server is read-only, as a standby is" },
      });
      await expect(open(standby.url(name))).rejects.toThrow(/it is a standby, which only reads/);
      proxy.leadTo(cluster.port);
      await uow.run((tx) => addTeam("payments", tx));
      expect(await teams()).toEqual(["payments"]);
    } finally {
      await standby.remove();
    }
  });

  it("says that there is no connection left, and takes one when there is", async () => {
    await sql(`CREATE ROLE guest_${databases} LOGIN CONNECTION LIMIT 1`);
    await sql(`GRANT ALL ON SCHEMA public TO guest_${databases}`);
    await sql(`GRANT ALL ON ALL TABLES IN SCHEMA public TO guest_${databases}`);
    const url = cluster.url(name).replace("//slipway@", `//guest_${databases}@`);
    const first = await open(url);
    const second = await open(url);
    const holder = await first.dialect.openSession();
    await expect(unitOfWork(second).run((tx) => tx.nextNumber("release"))).rejects.toMatchObject({
      code: "storage.unavailable",
      data: { why: "PostgreSQL has no connection left" },
    });
    await holder.abandon();
    await first.close();
    expect(await unitOfWork(second).run((tx) => tx.nextNumber("release"))).toBe(1);
  });

  it("says so when every connection of its own is in use, and does not wait for ever", async () => {
    const small = await open(cluster.url(name), {
      poolSize: 2,
      connectTimeoutMs: 200,
      busyTimeoutMs: 1,
    });
    const sessions = await Promise.all([
      small.dialect.openSession({ inTurn: false }),
      small.dialect.openSession(),
    ]);
    await expect(teams()).rejects.toMatchObject({
      data: { why: "all connections of this process are in use" },
    });
    await Promise.all(sessions.map((session) => session.abandon()));
    expect(await teams()).toEqual([]);
  });

  it("repeats what the server could not serialize, a few times, and alone", async () => {
    await sql("CREATE SEQUENCE tries");
    await sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.name = 'never' OR (NEW.name = 'third' AND nextval('tries') < 3) THEN
        RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001';
      END IF;
      RETURN NEW; END $$`);
    await sql(
      "CREATE TRIGGER refuse BEFORE INSERT ON teams FOR EACH ROW EXECUTE FUNCTION refuse()",
    );
    const runs = new Map<string, number>();
    const results = await Promise.allSettled(
      ["one", "never", "third", "two"].map((team) =>
        uow.run(async (tx) => {
          runs.set(team, (runs.get(team) ?? 0) + 1);
          await addTeam(team, tx);
          await tx.emit(closed(1));
        }),
      ),
    );
    expect(results.map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(results[1]).toMatchObject({
      reason: { code: "storage.unavailable", data: { why: "others kept changing the same rows" } },
    });
    expect(runs.get("never")).toBe(5);
    expect(await teams()).toEqual(["one", "third", "two"]);
    expect((await chain()).length).toBe(3);
  });

  it("ends a deadlock by repeating one of the two", async () => {
    await uow.run(async (tx) => {
      await addTeam("a", tx);
      await addTeam("b", tx);
    });
    const both = createMeeting(2);
    const describe = (team: string, text: string, tx: Tx) =>
      TeamRow.update({ description: text }, { where: { name: team }, transaction: tx.sequelize });
    let runs = 0;
    await Promise.all(
      [
        ["a", "b"],
        ["b", "a"],
      ].map(([first = "", second = ""]) =>
        uow.run(
          async (tx) => {
            runs += 1;
            await describe(first, `by ${first}`, tx);
            await both();
            await describe(second, `by ${first}`, tx);
          },
          { inTurn: false },
        ),
      ),
    );
    expect(runs).toBe(3);
    const [a, b] = await TeamRow.findAll({ order: ["name"] });
    // One after the other, whichever was first: never a mix.
    expect(a?.description).toBe(b?.description);
  });

  it("lets processes read, decide and write without losing an update", async () => {
    await uow.run((tx) => addTeam("counter", tx));
    const processes = [1, 2, 3].map(() =>
      startProcess("shared/db/testing/database-process.ts", ["count", cluster.url(name), "40"]),
    );
    await Promise.all(processes.map((each) => each.line((line) => line === "ready")));
    processes.forEach((each) => each.send("go"));
    for (const { ended } of processes) {
      expect(await ended).toEqual({ code: 0, stderr: "" });
    }
    expect((await TeamRow.findByPk("counter"))?.description).toBe("120");
    expect((await chain()).length).toBe(120);
  });

  it("lets bookkeeping go on while somebody has the turn", async () => {
    const job = await uow.run(async (tx) => {
      await tx.enqueue({ name: "release.refresh", payload: {} });
      return JobRow.findOne({ transaction: tx.sequelize });
    });
    const session = await database.dialect.openSession();
    await uow.run(
      (tx) =>
        JobRow.update({ attempts: 7 }, { where: { id: job?.id ?? 0 }, transaction: tx.sequelize }),
      { inTurn: false },
    );
    expect((await JobRow.findOne())?.attempts).toBe(7);
    await session.abandon();
  });

  it("refuses facts of a work that has no turn", async () => {
    await expect(uow.run((tx) => tx.emit(closed(1)), { inTurn: false })).rejects.toThrow(
      "records no facts",
    );
    expect(await chain()).toEqual([]);
  });

  it("says that another process keeps it locked, and changes nothing then", async () => {
    const other = await open(cluster.url(name));
    const session = await other.dialect.openSession();
    const impatient = await open(cluster.url(name), { busyTimeoutMs: 1 });
    await expect(unitOfWork(impatient).run((tx) => addTeam("x", tx))).rejects.toMatchObject({
      code: "storage.unavailable",
      data: { why: "another process keeps it locked" },
    });
    await session.abandon();
    expect(await teams()).toEqual([]);
  });

  it("ends a statement that takes too long", async () => {
    const strict = await open(cluster.url(name), { statementTimeoutMs: 20 });
    await expect(
      unitOfWork(strict).run((tx) =>
        strict.sequelize.query("SELECT pg_sleep(30)", { transaction: tx.sequelize }),
      ),
    ).rejects.toMatchObject({ data: { why: "a statement took too long and was stopped" } });
  });

  it("does not take a transaction for kept in which a statement had failed unnoticed", async () => {
    const careless = uow.run(async (tx) => {
      await addTeam("payments", tx);
      await addTeam("payments", tx).catch(() => undefined);
    });
    await expect(careless).rejects.toThrow(/given up because one of its statements had failed/);
    expect(await teams()).toEqual([]);
  });

  it("says who is refused, and that a database is missing", async () => {
    await sql(`CREATE ROLE known_${databases} LOGIN PASSWORD 'right'`);
    await cluster.setAccess(
      "local all all trust",
      `host all known_${databases} 127.0.0.1/32 scram-sha-256`,
      "host all all 127.0.0.1/32 trust",
      "host replication all 127.0.0.1/32 trust",
    );
    const as = (user: string, at = name) => cluster.url(at).replace("//slipway@", `//${user}@`);
    await expect(open(as(`known_${databases}:wrong`))).rejects.toThrow(
      new RegExp(`refuses the role known_${databases}\\.`),
    );
    await expect(open(as("nobody_knows"))).rejects.toThrow(/refuses the role nobody_knows/);
    await expect(open(as("slipway", "missing"))).rejects.toThrow(
      /there is no database called missing/,
    );
    await expect(open(as(`known_${databases}:right`))).rejects.toThrow(
      /the role may not make tables in it/,
    );
    await expect(open(`${cluster.url(name)}?sslmode=require`)).rejects.toThrow(
      /the server speaks no TLS/,
    );
  });

  it("refuses a database whose encoding cannot hold every text", async () => {
    await cluster.query(
      `CREATE DATABASE latin_${databases} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`,
    );
    await expect(open(cluster.url(`latin_${databases}`))).rejects.toThrow(/encoding is LATIN1/);
    await cluster.dropDatabase(`latin_${databases}`);
  });

  it("gives columns the meaning they have on SQLite, whatever a migration called them", async () => {
    const kinds = await database.sequelize.query<{ type: string; collation: string | null }>(
      `SELECT DISTINCT data_type AS type, collation_name AS collation FROM information_schema.columns
       WHERE table_schema = 'public' ORDER BY 1`,
      { type: QueryTypes.SELECT },
    );
    expect(kinds).toEqual([
      { type: "bigint", collation: null },
      { type: "boolean", collation: null },
      { type: "json", collation: null },
      { type: "text", collation: "C" },
      { type: "timestamp with time zone", collation: null },
    ]);
    const long = `z${"é".repeat(2_000)}`;
    await uow.run(async (tx) => {
      for (const team of [long, "b", "B", "ä", "a-b", "a b", "_", "A"]) {
        await addTeam(team, tx);
      }
    });
    expect(await teams()).toEqual(["A", "B", "_", "a b", "a-b", "b", long, "ä"]);
    await database.sequelize.query(
      "SELECT setval(pg_get_serial_sequence('jobs', 'id'), 3000000000)",
    );
    await uow.run((tx) => tx.enqueue({ name: "release.refresh", payload: {} }));
    expect((await JobRow.findOne())?.id).toBe(3_000_000_001);
    expect(await EventRow.findOne({ where: { id: "no uuid at all" } })).toBeNull();
  });
});

/** Everybody who comes waits until all are there; whoever comes later goes through. */
function createMeeting(size: number): () => Promise<void> {
  let missing = size;
  let open: () => void = () => undefined;
  const complete = new Promise<void>((resolve) => {
    open = resolve;
  });
  return async () => {
    missing -= 1;
    if (missing <= 0) {
      open();
    }
    await complete;
  };
}
