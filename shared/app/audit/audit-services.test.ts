import { QueryTypes } from "sequelize";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AuditQuery } from "../../contract/audit.ts";
import { systemActor, type Actor } from "../../core/actor.ts";
import { EVENT_SEQUENCE } from "../../db/event-log.ts";
import { EventRow } from "../../db/rows/event.ts";
import { PersonRow } from "../../db/rows/person.ts";
import { hashEvent } from "../../events/event-hash.ts";
import type { NewEvent } from "../../events/events.ts";
import { buildActor } from "../../testing/actors.ts";
import { createTestDatabase, type TestDatabase } from "../../testing/test-database.ts";
import { createAuditServices } from "./audit-services.ts";

const vic = buildActor("vic");
const dana = buildActor("dana", ["dev"]);
const audit = createAuditServices();
let db: TestDatabase;

beforeEach(async () => {
  db = await createTestDatabase();
});
afterEach(async () => {
  await db.close();
});

function closed(number: number, actor: Actor = systemActor, reason = "done"): NewEvent {
  return {
    name: "release.closed",
    payload: { number, reason },
    actor,
    subject: { kind: "release", id: String(number) },
  };
}

function locked(environment: string, actor: Actor = systemActor): NewEvent {
  return {
    name: "environment.locked",
    payload: { environment, reason: "incident", until: null },
    actor,
    subject: { kind: "environment", id: environment },
  };
}

/** Records each fact an hour after the one before. */
async function record(...events: NewEvent[]): Promise<void> {
  for (const event of events) {
    await db.uow.run((tx) => tx.emit(event));
    await db.clock.advance(60 * 60_000);
  }
}

function query(input: Record<string, unknown> = {}): AuditQuery {
  return AuditQuery.parse(input);
}

async function csv(input: Record<string, unknown> = {}): Promise<string> {
  const parts: string[] = [];
  for await (const part of audit.csv(vic, query(input))) {
    parts.push(part);
  }
  return parts.join("");
}

/** As somebody who owns the database may: the triggers that keep facts are taken away first. */
function write(sql: string): Promise<unknown> {
  const unguard =
    db.dialect.name === "postgres"
      ? ["ALTER TABLE events DISABLE TRIGGER USER"]
      : ["update", "delete"].map((what) => `DROP TRIGGER IF EXISTS events_are_kept_on_${what}`);
  return db.uow.run(async (tx) => {
    for (const statement of [...unguard, sql]) {
      await db.sequelize.query(statement, { transaction: tx.sequelize });
    }
  });
}

/** How the database would read, as text; on PostgreSQL with every way forbidden that reads all rows or sorts them. */
async function planOf(sql: string): Promise<string> {
  if (db.dialect.name === "sqlite") {
    const steps = await db.sequelize.query<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, {
      type: QueryTypes.SELECT,
    });
    return steps.map((step) => step.detail).join("; ");
  }
  return db.uow.run(async ({ sequelize: transaction }) => {
    await db.sequelize.query(
      "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off",
      { transaction },
    );
    const lines = await db.sequelize.query<{ "QUERY PLAN": string }>(`EXPLAIN ${sql}`, {
      type: QueryTypes.SELECT,
      transaction,
    });
    return lines.map((line) => line["QUERY PLAN"]).join("; ");
  });
}

describe("the list of facts", () => {
  beforeEach(async () => {
    await db.uow.run((tx) =>
      PersonRow.create(
        {
          subject: dana.subject,
          username: dana.username,
          name: dana.name,
          issuer: "test",
          claims: { groups: [], realmRoles: [], clientRoles: [] },
          claimsCheckedAt: db.clock.now(),
          active: true,
          createdAt: db.clock.now(),
        },
        { transaction: tx.sequelize },
      ),
    );
    await record(closed(1), locked("prod", dana), closed(2, dana), closed(12), locked("preprod"));
  });

  it.each([
    [{}, [5, 4, 3, 2, 1]],
    [{ limit: 2 }, [5, 4]],
    [{ limit: 2, offset: 3 }, [2, 1]],
    [{ event: "release.closed" }, [4, 3, 1]],
    [{ person: "dana" }, [3, 2]],
    [{ person: "@dana" }, [3, 2]],
    [{ person: "sub-dana" }, [3, 2]],
    [{ person: "slipway" }, [5, 4, 1]],
    [{ person: "nobody" }, []],
    [{ subjectKind: "environment" }, [5, 2]],
    [{ subjectKind: "release", subjectId: "#12" }, [4]],
    [{ subjectId: "prod" }, [2]],
    [{ from: "2026-11-25T13:00:00Z", until: "2026-11-25T15:00:00Z" }, [4, 3, 2]],
    [{ person: "dana", event: "release.closed" }, [3]],
  ])("filtered by %j shows %j, newest first", async (filter, expected) => {
    const page = await audit.list(vic, query(filter));
    expect(page.items.map((entry) => entry.seq)).toEqual(expected);
    const everything = await audit.list(vic, query({ ...filter, limit: 500, offset: 0 }));
    expect(page.total).toBe(everything.items.length);
  });

  it("shows each fact in a sentence, with who and where", async () => {
    const [entry] = (await audit.list(vic, query({ subjectId: "prod" }))).items;
    const row = await EventRow.findByPk(2);
    expect(entry).toEqual({
      seq: 2,
      at: "2026-11-25T13:00:00.000Z",
      event: "environment.locked",
      text: "prod was locked: incident.",
      actor: { subject: "sub-dana", name: "Dana", via: "web" },
      subject: { kind: "environment", id: "prod" },
      ip: null,
      userAgent: null,
      correlationId: row?.correlationId,
      payload: { environment: "prod", reason: "incident", until: null },
      hash: row?.hash,
    });
  });

  it("is refused to whoever may not read it", async () => {
    const nobody = buildActor("nobody", []);
    await expect(audit.list(nobody, query())).rejects.toMatchObject({ code: "permission.denied" });
    await expect(audit.verify(nobody)).rejects.toMatchObject({ code: "permission.denied" });
    expect(() => audit.csv(nobody, query())).toThrow(/may not read the audit log/);
  });

  it.each([
    { event: "release.closed" },
    { person: "dana" },
    { subjectKind: "release" },
    { subjectKind: "release", subjectId: "12" },
    { from: "2026-11-25T13:00:00Z" },
    { event: "release.closed", person: "sub-dana" },
    {},
  ])("filtered by %j is read from an index, in its order", async (filter) => {
    const spy = vi.spyOn(db.sequelize, "query");
    await audit.list(vic, query(filter));
    const reads = spy.mock.calls
      .map(([sql]) => (typeof sql === "string" ? sql : sql.query))
      .filter((sql) => /FROM [`"]events[`"]/.test(sql) && !/[`"]seq[`"] (?:IN|=)/.test(sql));
    spy.mockRestore();
    expect(reads.length).toBeGreaterThan(0);
    for (const sql of reads) {
      const plan = await planOf(sql);
      expect(plan).toMatch(/COVERING INDEX|Index (?:Only )?Scan/);
      expect(plan).not.toMatch(/TEMP B-TREE|Sort/);
    }
  });
});

describe("the export", () => {
  it("is RFC 4180 text and never a formula", async () => {
    const mallory: Actor = {
      ...buildActor("mallory"),
      name: '=HYPERLINK("http://evil","x"), @all',
      via: { platform: "web", ip: "192.0.2.7", userAgent: "-1+1" },
    };
    await record(closed(1, mallory, 'said "no",\r\nthen left'));
    const row = await EventRow.findByPk(1);
    expect(await csv()).toBe(
      "seq,at,event,text,person,person_id,via,subject_kind,subject_id,ip,user_agent,correlation_id,payload,hash\r\n" +
        '1,2026-11-25T12:00:00.000Z,release.closed,"Release #1 was closed: said ""no"", then left.",' +
        '"\'=HYPERLINK(""http://evil"",""x""), @all",sub-mallory,web,release,1,192.0.2.7,\'-1+1,' +
        `${row?.correlationId},"{""number"":1,""reason"":""said \\""no\\"",\\r\\nthen left""}",${row?.hash}\r\n`,
    );
  });

  it("holds every row once, across pages, also when many share an instant", async () => {
    await db.uow.run(async (tx) => {
      for (let number = 1; number <= 1_203; number += 1) {
        await tx.emit(closed(number));
      }
    });
    const lines = (await csv({ event: "release.closed" })).trimEnd().split("\r\n").slice(1);
    expect(lines.map((line) => Number(line.split(",")[0]))).toEqual(
      Array.from({ length: 1_203 }, (_, index) => 1_203 - index),
    );
  });
});

describe("the verification of the chain", () => {
  const verify = () => audit.verify(vic);

  beforeEach(async () => {
    await db.uow.run(async (tx) => {
      for (let number = 1; number <= 1_100; number += 1) {
        await tx.emit(closed(number));
      }
    });
  });

  it("finds nothing wrong with a log that was left alone", async () => {
    const last = await EventRow.findByPk(1_100);
    expect(await verify()).toEqual({
      ok: true,
      checked: 1_100,
      brokenAt: null,
      detail: `All 1,100 entries are as they were written. The last has hash ${last?.hash}.`,
    });
  });

  it.each([
    ["payload", `'{"number":700,"reason":"other"}'`],
    ["actor_subject", "'sub-mallory'"],
    ["actor_username", "'mallory'"],
    ["actor_name", "'Mallory'"],
    ["platform", "'cli'"],
    ["ip", "'192.0.2.1'"],
    ["user_agent", "'curl'"],
    ["subject_kind", "'team'"],
    ["subject_id", "'1'"],
    ["related", `'[{"kind":"team","id":"x"}]'`],
    ["name", "'release.rejected'"],
    ["id", "'00000000-0000-4000-8000-000000000000'"],
    ["correlation_id", "'other'"],
    ["occurred_at", "'2026-11-25 12:00:00.001 +00:00'"],
  ])("finds a changed %s", async (column, value) => {
    await write(`UPDATE events SET ${column} = ${value} WHERE seq = 700`);
    expect(await verify()).toEqual({
      ok: false,
      checked: 699,
      brokenAt: 700,
      detail: "Entry 700 was changed after it was written.",
    });
  });

  it.each([
    ["the first row", "DELETE FROM events WHERE seq = 1", 1, "Entry 1 is missing."],
    ["a row between", "DELETE FROM events WHERE seq = 501", 501, "Entry 501 is missing."],
    ["the last row", "DELETE FROM events WHERE seq = 1100", 1_100, "The last entry is missing."],
    [
      "the last rows",
      "DELETE FROM events WHERE seq > 1000",
      1_001,
      "The last 100 entries are missing.",
    ],
    ["every row", "DELETE FROM events", 1, "The last 1100 entries are missing."],
  ])("notices that %s was removed", async (_what, sql, brokenAt, detail) => {
    await write(sql);
    expect(await verify()).toMatchObject({ ok: false, brokenAt, detail });
  });

  it("notices a row that was replaced together with its own hash", async () => {
    const row = await EventRow.findByPk(300);
    const forged = { ...row?.get({ plain: true }), actorName: "Mallory" } as EventRow;
    await write(
      `UPDATE events SET actor_name = 'Mallory', hash = '${hashEvent(forged)}' WHERE seq = 300`,
    );
    expect(await verify()).toMatchObject({
      brokenAt: 301,
      detail: "Entry 301 does not follow entry 300: one of them was replaced or added.",
    });
  });

  it("notices a row that was added at the end with a hash that fits", async () => {
    const last = await EventRow.findByPk(1_100);
    const added = {
      ...last?.get({ plain: true }),
      seq: 1_101,
      id: "00000000-0000-4000-8000-000000000001",
      previousHash: last?.hash,
    } as EventRow;
    await db.uow.run((tx) =>
      EventRow.create({ ...added, hash: hashEvent(added) }, { transaction: tx.sequelize }),
    );
    expect(await verify()).toMatchObject({
      brokenAt: 1_101,
      detail: "Entry 1101 was added without being counted.",
    });
  });

  it("says so of an empty log", async () => {
    await write("DELETE FROM events");
    await write(`DELETE FROM sequences WHERE name = '${EVENT_SEQUENCE}'`);
    expect(await verify()).toMatchObject({ ok: true, checked: 0, detail: "The log is empty." });
  });
});
