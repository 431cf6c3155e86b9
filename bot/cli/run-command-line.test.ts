import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sqlite3 from "sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { migrations } from "../../shared/db/migrations/index.ts";
import { createShell, type Shell } from "./testing/shell.ts";

let shell: Shell;

beforeEach(() => {
  shell = createShell();
});
afterEach(() => shell.dispose());

/** Changes the database behind everybody's back. */
function execute(sql: string): Promise<void> {
  return new Promise((done, fail) => {
    const database = new sqlite3.Database(join(shell.data, "slipway.db"));
    database.exec(sql, (error) => database.close(() => (error ? fail(error) : done())));
  });
}

describe("help", () => {
  it.each([[[]], [["help"]], [["--help"]]])("lists every command: %j", async (args) => {
    const { code, stdout } = await shell.run(...args);

    expect(code).toBe(0);
    for (const name of ["start", "config check", "token revoke", "backup", "work retry"]) {
      expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
    }
  });

  it("of a command has its options, examples and exit codes, whichever way it is asked for", async () => {
    const asked = await Promise.all([
      shell.run("help", "config", "check"),
      shell.run("config", "check", "--help"),
    ]);

    expect(asked[0]).toEqual(asked[1]);
    expect(asked[0]?.code).toBe(0);
    for (const part of ["--connect", "--config <file>", "Examples:", "Exit codes:", "  2  "]) {
      expect(asked[0]?.stdout).toContain(part);
    }
  });

  it("has colours for a terminal that wants them, and for nobody else", async () => {
    const coloured = "\u001b[";
    expect((await shell.runOnTerminal({}, "help")).stdout).toContain(coloured);
    expect((await shell.runOnTerminal({ NO_COLOR: "1" }, "help")).stdout).not.toContain(coloured);
    expect((await shell.runOnTerminal({ TERM: "dumb" }, "help")).stdout).not.toContain(coloured);
    expect((await shell.run("help")).stdout).not.toContain(coloured);
  });
});

describe("what is used wrongly", () => {
  it.each<[string, string[], RegExp]>([
    ["an unknown command", ["strat"], /no command "strat"[^]*Did you mean `start`\?/],
    ["an unknown command of a group", ["config", "chek"], /Did you mean `config check`\?/],
    [
      "one of a group that does something by itself",
      ["token", "lst"],
      /Did you mean `token list`\?/,
    ],
    ["one that is near nothing", ["audit", "zzz"], /There is `audit verify`/],
    ["a group alone", ["work"], /Say which: work list, work retry/],
    ["help for something unknown", ["help", "bakup"], /Did you mean `backup`\?/],
    [
      "an unknown option",
      ["backup", "x", "--forse"],
      /Unknown option '--forse'\. Did you mean --force\?/,
    ],
    [
      "an option without its value",
      ["token", "--person"],
      /'--person <username>' argument missing/,
    ],
    ["a missing argument", ["restore"], /Missing required argument 'file'/],
    ["too many arguments", ["migrate", "now"], /Too many arguments/],
    ["nobody for a token", ["token"], /--person <username>/],
    [
      "a scope nobody knows",
      ["token", "--person", "dana", "--scope", "all"],
      /--scope takes read, write/,
    ],
    ["a time without unit", ["token", "--person", "dana", "--expires", "30"], /from 1h to 365d/],
    ["a port that is none", ["start", "--port", "70000"], /from 1 to 65535/],
    ["ids and --all", ["work", "retry", "job-1", "--all"], /either ids or --all/],
    ["no ids and no person", ["token", "revoke"], /either ids or a person/],
    ["options that exclude each other", ["config", "check", "--print", "--json"], /--print goes/],
  ])("ends with 2 and says what to do: %s", async (_what, args, words) => {
    const { code, stdout, stderr } = await shell.run(...args);

    expect(code).toBe(2);
    expect(stderr).toMatch(words);
    expect(stderr).toMatch(/^slipway: [A-Z-]/);
    expect(stdout).toBe("");
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(existsSync(shell.data)).toBe(false);
  });

  it.each([
    [["token", "--person", "dana"]],
    [["token", "list"]],
    [["audit", "verify"]],
    [["work", "list"]],
    [["chat", "check"]],
    [["backup", "x.tar.gz"]],
  ])("does not make an empty installation to answer for: %j", async (args) => {
    const { code, stderr } = await shell.run(...args);

    expect(code).toBe(1);
    expect(stderr).toMatch(/no Slipway here yet[^]*SLIPWAY_DATA/);
    expect(existsSync(join(shell.data, "slipway.db"))).toBe(false);
  });
});

describe("config check", () => {
  it("tells every mistake at once, for people and for scripts", async () => {
    writeFileSync(
      join(shell.folder, "bad.yaml"),
      "server: { prot: 1 }\nenvironments:\n  - { name: prod, target: { kind: comand } }\n",
    );

    const told = await shell.run("config", "check", "bad.yaml");
    const json = await shell.run("config", "check", "-c", "bad.yaml", "--json");

    expect([told.code, json.code]).toEqual([1, 1]);
    expect(told.stderr).toMatch(/bad\.yaml:1 server\.prot[^]*bad\.yaml:3 environments\[0\]/);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      problems: [{ line: 1, path: "server.prot" }, { line: 3 }],
    });
  });

  it("says what it amounts to: where, who signs what, who may", async () => {
    writeFileSync(
      join(shell.folder, "config.yaml"),
      `
auth:
  keycloak: { issuer: https://sso.example.com/realms/a, client_id: slipway }
  roles:
    dev: ["group:/dev-leads"]
    qa: [{ claim: "realm:qa", environments: [prod], teams: [pay] }]
    operator: ["client:deploy"]
server: { base_url: https://releases.example.com }
repositories: [{ provider: git, root: . }]
environments:
  - { name: preprod, branch: uat, sign_off: none, target: { kind: command, apply: [./a], observe: [./o] } }
  - { name: prod, branch: master, sign_off: { dev: 2, qa: 1, carry_over: never }, target: { kind: command, apply: [./a], observe: [./o] } }
`,
    );

    const { code, stdout } = await shell.run("config", "check");

    expect(code).toBe(0);
    expect(stdout).toMatch(/prod +master +- +command +2 dev \+ 1 qa; again after every commit/);
    expect(stdout).toMatch(/preprod +uat +- +command +nobody/);
    expect(stdout).toMatch(
      /qa +sign as qa for prod +realm role qa \(only in prod, for services of pay\)/,
    );
    expect(stdout).toContain("https://sso.example.com/realms/a, as slipway");
    const printed = await shell.run("config", "check", "--print");
    expect(printed.stdout).toMatch(/^server:\n {2}port: 0/);
  });

  it("tries what is named and explains each failure, the others unharmed", async () => {
    writeFileSync(
      join(shell.folder, "config.yaml"),
      `
repositories: [{ provider: git, root: ./missing }]
services: [{ name: api, repository: api }]
environments:
  - { name: good, branch: a, target: { kind: command, apply: ["true"], observe: [echo, "1.4.2"] } }
  - { name: slow, branch: b, target: { kind: command, apply: ["true"], observe: [sleep, "60"] } }
  - { name: broken, branch: c, target: { kind: command, apply: ["true"], observe: [./not-there] } }
`,
    );

    const { code, stdout } = await shell.run(
      ...["config", "check", "--connect", "--timeout", "1s", "--json"],
    );

    expect(code).toBe(1);
    const { ok, connections } = JSON.parse(stdout) as {
      ok: boolean;
      connections: { name: string; findings: { state: string; what: string; remedy: string }[] }[];
    };
    const of = (name: string) => connections.find((each) => each.name === name)?.findings;
    expect(ok).toBe(false);
    expect(of("target of good")).toMatchObject([{ state: "ok", what: "api runs 1.4.2." }]);
    expect(of("target of slow")).toMatchObject(
      [{ state: "problem", remedy: /--timeout/ }].map((each) => ({
        ...each,
        remedy: expect.stringMatching(each.remedy),
      })),
    );
    for (const name of ["target of broken", "repositories git:0"]) {
      expect(of(name)).toMatchObject([{ state: "problem", remedy: expect.stringMatching(/\S/) }]);
    }
    expect(of("database")).toMatchObject([{ state: "ok" }]);
  });
});

describe("migrate", () => {
  it("lists what would run and does nothing, then does it, then has nothing to do", async () => {
    const planned = await shell.run("migrate", "--dry-run");
    const names = migrations.map(({ name }) => `  ${name}`).join("\n");
    expect(planned.stdout).toContain(`${migrations.length} migrations would run:\n${names}\n`);
    expect(existsSync(join(shell.data, "slipway.db"))).toBe(false);

    const done = await shell.run("migrate");
    expect(done.stdout).toContain(`${migrations.length} migrations ran`);

    expect(JSON.parse((await shell.run("migrate", "--json")).stdout)).toEqual({ ran: [] });
    expect((await shell.run("migrate", "--dry-run")).stdout).toContain("Nothing would run");
  });

  it("refuses a database of a newer version", async () => {
    await shell.run("migrate");
    await execute("INSERT INTO schema_migrations VALUES ('2031-01-01-later', '2031-01-01')");

    for (const args of [["migrate"], ["migrate", "--dry-run"]]) {
      const { code, stderr } = await shell.run(...args);
      expect(code).toBe(1);
      expect(stderr).toMatch(/made by a newer version of Slipway \(2031-01-01-later\)/);
    }
  });
});

describe("token", () => {
  beforeEach(() => shell.run("migrate"));

  it("is the last line, is listed with what it may, and is worthless once revoked", async () => {
    const made = await shell.run(
      ...["token", "--person", "dana", "--scope", "read", "--expires", "12h", "--name", "grafana"],
    );
    expect(made.code).toBe(0);
    expect(made.stdout.trim().split("\n").at(-1)).toMatch(/^slp_\w{40}$/);

    const listed = JSON.parse((await shell.run("token", "list", "--json")).stdout) as {
      tokens: { id: string; owner: { username: string }; scopes: string[]; name: string }[];
    };
    expect(listed.tokens).toMatchObject([
      { owner: { username: "dana" }, scopes: ["read"], name: "grafana", state: "active" },
    ]);
    expect((await shell.run("token", "revoke", listed.tokens[0]?.id ?? "")).stdout).toBe(
      "1 token revoked.\n",
    );
    expect((await shell.run("token", "list")).stdout).toMatch(/no API tokens.*--all/);
    expect((await shell.run("token", "list", "--all")).stdout).toMatch(/dana +grafana.*revoked/);
    expect((await shell.run("token", "revoke", listed.tokens[0]?.id ?? "")).code).toBe(1);
  });

  it("takes everything away from one person", async () => {
    for (const person of ["dana", "dana", "quinn"]) {
      await shell.run("token", "--person", person);
    }

    expect((await shell.run("token", "revoke", "--person", "dana")).stdout).toMatch(/^2 tokens/);

    expect((await shell.run("token", "list")).stdout).toMatch(/quinn/);
    expect((await shell.run("token", "list", "--person", "dana")).stdout).toMatch(/no API tokens/);
  });

  it("keeps no secret, and who made it is in the audit log", async () => {
    const made = await shell.run("token", "--person", "dana", "--json");
    const { token, id } = JSON.parse(made.stdout) as { token: string; id: string };

    const database = await shell.run("backup", "b.tar.gz", "--json");
    expect(database.code).toBe(0);
    expect(id).not.toBe("");
    await execute(`CREATE TABLE found AS SELECT * FROM events WHERE actor_name LIKE '%(command line)'
      AND platform = 'cli' AND name = 'token.created' AND payload NOT LIKE '%${token}%'`);
    await execute("CREATE TABLE proof AS SELECT 1 / (SELECT count(*) FROM found) AS one");
  });

  it("says whom it knows when it is asked for somebody else", async () => {
    const { code, stderr } = await shell.run("token", "--person", "nobody");

    expect(code).toBe(1);
    expect(stderr).toMatch(/nobody called "nobody"[^]*dana/);
  });
});

describe("audit verify", () => {
  it("names the first entry that is wrong", async () => {
    await shell.run("migrate");
    for (const person of ["dana", "quinn", "robin"]) {
      await shell.run("token", "--person", person);
    }
    expect((await shell.run("audit", "verify")).stdout).toMatch(/^ok {2}All 3 entries/);

    await execute(
      `DROP TRIGGER events_are_kept_on_update; UPDATE events SET actor_name = 'x' WHERE seq = 2`,
    );

    const told = await shell.run("audit", "verify");
    expect(told.code).toBe(1);
    expect(told.stdout).toMatch(
      /^broken {2}Entry 2 was changed[^]*1 entry before it can be trusted/,
    );
    const json = await shell.run("audit", "verify", "--json");
    expect([json.code, JSON.parse(json.stdout)]).toEqual([
      1,
      expect.objectContaining({ ok: false, brokenAt: 2, checked: 1 }),
    ]);
  });
});

describe("work", () => {
  it("lists what gave up and starts it again", async () => {
    await shell.run("migrate");
    expect((await shell.run("work", "list")).stdout).toBe("Nothing gave up.\n");
    await execute(
      `INSERT INTO jobs (name, payload, run_at, attempts, status, last_error) VALUES
       ('release.refresh', '{"number":12}', '2026-11-25 04:00:00.000 +00:00', 10, 'dead', 'git does not answer')`,
    );

    expect((await shell.run("work", "list")).stdout).toMatch(
      /job-1 +release\.refresh +number\/12 +10x .*git does not answer/,
    );
    const partly = await shell.run("work", "retry", "job-1", "job-99");
    expect(partly.code).toBe(1);
    expect(partly.stdout).toMatch(/^1 piece of work[^]*no background work job-99/);
    expect((await shell.run("work", "retry", "--all")).stdout).toBe("Nothing gave up.\n");
  });
});

describe("backup and restore", () => {
  beforeEach(async () => {
    await shell.run("migrate");
    await shell.run("token", "--person", "dana");
  });

  it("bring everything to another place, and verify the audit log there", async () => {
    const made = await shell.run("backup", "b.tar.gz");
    expect(made.code).toBe(0);
    expect(statSync(join(shell.folder, "b.tar.gz")).mode & 0o777).toBe(0o600);
    expect((await shell.run("restore", "--check", "b.tar.gz")).stdout).toMatch(/is whole/);
    const other = { SLIPWAY_DATA: join(shell.folder, "other") };

    const restored = await shell.runOnTerminal(
      { ...other, NO_COLOR: "1" },
      ...["restore", "b.tar.gz"],
    );

    expect(restored.code).toBe(0);
    expect(restored.stdout).toMatch(/is in place[^]*Audit log: The only entry is as it was/);
    const tokens = await shell.runOnTerminal(other, "token", "list");
    expect(tokens.stdout).toContain("dana");
  });

  it("says so when the audit log of the backup is broken, and restores it all the same", async () => {
    await execute(`DROP TRIGGER events_are_kept_on_update; UPDATE events SET actor_name = 'x'`);
    await shell.run("backup", "b.tar.gz");

    const { code, stdout } = await shell.run("restore", "b.tar.gz", "--force");

    expect(code).toBe(1);
    expect(stdout).toMatch(/audit log is broken:.*Entry 1 was changed/);
    expect(stdout).toMatch(/What was there before is kept in .*before-restore-/);
  });

  it("refuse what would overwrite something, with the way out", async () => {
    await shell.run("backup", "b.tar.gz");

    const again = await shell.run("backup", "b.tar.gz");
    const over = await shell.run("restore", "b.tar.gz");

    expect([again.code, over.code]).toEqual([1, 1]);
    expect(again.stderr).toMatch(/is there already[^]*--force/);
    expect(over.stderr).toMatch(/installation here already[^]*--force/);
    expect(readdirSync(shell.data).filter((name) => name.startsWith("before-"))).toEqual([]);
  });

  it("leave an old backup whole when the new one cannot be written", async () => {
    await shell.run("backup", "b.tar.gz");
    await execute(
      "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE x(' WHERE name = 'jobs'",
    );

    const { code, stderr } = await shell.run("backup", "b.tar.gz", "--force");

    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot be copied: the file is damaged[^]*restore a backup/i);
    expect((await shell.run("restore", "--check", "b.tar.gz")).code).toBe(0);
  });
});
