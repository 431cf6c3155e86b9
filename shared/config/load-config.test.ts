import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigInvalid, type ConfigProblem } from "../errors/catalog.ts";
import { baseUrlAt } from "./config.ts";
import { readEnvironment } from "./environment.ts";
import { loadConfig, type LoadConfigInput } from "./load-config.ts";
import { SecretText } from "./values.ts";

const root = mkdtempSync(join(tmpdir(), "slipway-config-"));
let cwd = root;
let count = 0;

beforeEach(() => {
  cwd = join(root, String((count += 1)));
  mkdirSync(cwd);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const providers = {
  scm: { git: z.strictObject({ root: z.string().optional(), token: SecretText.optional() }) },
  target: {
    command: z.strictObject({ apply: z.array(z.string()).min(1), observe: z.array(z.string()) }),
  },
};

function load(yaml?: string, more: Partial<LoadConfigInput> = {}) {
  if (yaml !== undefined) {
    writeFileSync(join(cwd, "config.yaml"), yaml);
  }
  return loadConfig({ env: {}, cwd, providers, ...more });
}

function problemsOf(yaml: string, more: Partial<LoadConfigInput> = {}): readonly ConfigProblem[] {
  try {
    load(yaml, more);
  } catch (error) {
    if (error instanceof ConfigInvalid) {
      return error.data.problems;
    }
    throw error;
  }
  return [];
}

const environment = (name: string, more = "") =>
  `  - name: ${name}\n    target: { kind: command, apply: [a], observe: [b] }\n${more}`;

describe("without a file", () => {
  it("is the embedded default on loopback", () => {
    const config = load();
    expect(config).toMatchObject({
      file: null,
      dataDir: join(cwd, "data"),
      server: { port: 8080, host: "127.0.0.1", baseUrl: "http://localhost:8080" },
      database: { dialect: "sqlite", storage: join(cwd, "data/slipway.db") },
      auth: { provider: { kind: "embedded" } },
      chat: {
        announce: [{ platform: "room", channel: "releases", environments: null, teams: null }],
        room: { enabled: true },
      },
      limits: { requestsPerSecond: 50 },
    });
    expect(Object.keys(config.auth.roles)).toEqual(["dev", "qa", "operator", "admin", "viewer"]);
  });

  it("lets channels choose what they are told of", () => {
    const { chat } = load(`
chat:
  announce:
    - "room:releases"
    - { channel: "room:payments", environments: [prod], teams: [pay, risk] }
environments:
  - name: prod
    target: { kind: command, apply: [./deploy.sh], observe: [./current.sh] }
`);
    expect(chat.announce).toEqual([
      { platform: "room", channel: "releases", environments: null, teams: null },
      { platform: "room", channel: "payments", environments: ["prod"], teams: ["pay", "risk"] },
    ]);
  });

  it.each([
    ["{ channel: nowhere }", "chat.announce[0].channel", '"nowhere" is not a channel'],
    ['{ channel: "room:x", environments: [prd] }', "chat.announce[0].environments[0]", '"prd"'],
    ['{ channel: "room:x", environments: [] }', "chat.announce[0].environments", ""],
    ['{ channel: "room:x", team: [a] }', "chat.announce[0].team", "no such key"],
    ['{ channel: "slak:x" }', "chat.announce[0].channel", 'no chat platform called "slak"'],
  ])("says what is wrong with the channel %s", (entry, path, what) => {
    const problems = problemsOf(`
chat:
  announce: [${entry}]
environments:
  - name: prod
    target: { kind: command, apply: [./deploy.sh], observe: [./current.sh] }
`);
    expect(problems).toEqual([
      expect.objectContaining({ path, what: expect.stringContaining(what), line: 3 }),
    ]);
  });

  it("contains the sample, told where the data lies, and honours the environment", () => {
    const config = load(undefined, {
      env: { SLIPWAY_PORT: "0", SLIPWAY_DATA: "elsewhere" },
      sample: ({ dataDir }) => ({
        repositories: [{ provider: "git", root: join(dataDir, "demo/repos") }],
      }),
    });
    expect(config.dataDir).toBe(join(cwd, "elsewhere"));
    expect(config.repositories).toEqual([
      { id: "git:0", provider: "git", options: { root: join(cwd, "elsewhere/demo/repos") } },
    ]);
    expect(baseUrlAt(config.server, 43_210)).toBe("http://localhost:43210");
  });

  it.each(["x", "-1", "65536", "80 80"])("refuses SLIPWAY_PORT=%s", (port) => {
    expect(() => load(undefined, { env: { SLIPWAY_PORT: port } })).toThrow(
      /environment SLIPWAY_PORT: .* Fix: /,
    );
  });
});

describe("with a file", () => {
  it("turns every section into the words of the program", () => {
    writeFileSync(join(cwd, "secret"), "hush-hush\n");
    const config = load(`
server: { port: 9000, host: 0.0.0.0, base_url: "https://releases.example.com/", trust_proxy: 1 }
database: { url: "sqlite:./db/s.db" }
data: ./state
auth:
  keycloak: { issuer: "https://sso.example.com/realms/acme", client_id: slipway, client_secret_file: secret }
  roles:
    dev: ["group:/dev-leads", { claim: "realm:lead", environments: [prod], teams: [pay] }]
    qa: ["client:qa"]
    viewer: ["*"]
  session: { idle: 30m, absolute: 8h }
repositories:
  - { provider: git, root: ./repos }
services:
  - { name: api, repository: acme/api, path: services/api/, team: core, depends_on: [auth] }
  - { name: auth, repository: acme/auth }
environments:
  - name: preprod
    branch: uat
    sign_off: none
    target: { kind: command, apply: [./deploy.sh], observe: [./current.sh] }
  - name: prod
    branch: master
    promote_from: preprod
    sign_off: { dev: 2, qa: 1, one_role_per_person: false, carry_over: never, creator_may_be_only: false }
    land: after
    verify: { timeout: 2m, settle: 10s }
    timeouts: { deploy: 90s }
    target: { kind: command, apply: [./deploy.sh], observe: [./current.sh] }
limits: { requests_per_second: 5 }
migrations_paths: ["db/**"]
`);
    expect(config).toMatchObject({
      server: { port: 9000, baseUrl: "https://releases.example.com", trustProxy: 1 },
      database: { storage: join(cwd, "db/s.db") },
      dataDir: join(cwd, "state"),
      auth: {
        provider: {
          kind: "keycloak",
          clientId: "slipway",
          redirectUrl: null,
          claims: { clientRoles: ["resource_access.{client}.roles"] },
        },
        roles: {
          dev: [
            { claim: { kind: "group", value: "/dev-leads" } },
            { claim: { kind: "realm", value: "lead" }, environments: ["prod"], teams: ["pay"] },
          ],
          viewer: [{ claim: { kind: "everyone" } }],
        },
        session: { idleMs: 1_800_000, absoluteMs: 28_800_000 },
      },
      services: [{ name: "api", path: "services/api", team: "core", dependsOn: ["auth"] }, {}],
      environments: [
        { name: "preprod", branch: "uat", signOff: { roles: {} }, land: "after", settleMs: 0 },
        {
          name: "prod",
          promoteFrom: "preprod",
          signOff: {
            roles: { dev: 2, qa: 1 },
            oneRolePerPerson: false,
            carryOver: "never",
            creatorMayBeOnly: false,
            authorMayBeOnly: true,
          },
          timeouts: { deployMs: 90_000, verifyMs: 120_000, migrateMs: 900_000 },
          settleMs: 10_000,
          target: { kind: "command", options: { apply: ["./deploy.sh"] } },
        },
      ],
      limits: { requestsPerSecond: 5 },
      migrationsPaths: ["db/**"],
    });
    expect(config.secrets.map((secret) => secret.reveal())).toEqual(["hush-hush"]);
    expect(JSON.stringify(config) + inspect(config, { depth: 20 })).not.toContain("hush-hush");
  });

  it("is frozen to the bottom", () => {
    const config = load(`environments:\n${environment("dev")}`);
    expect(Object.isFrozen(config.environments[0]?.signOff.roles)).toBe(true);
    expect(Object.isFrozen(config.environments[0]?.target.options)).toBe(true);
  });

  it("takes the environment's port and data folder before the file's", () => {
    const config = load("server: { port: 9000 }\ndata: x\n", {
      env: { SLIPWAY_PORT: "9001", SLIPWAY_DATA: "/tmp/y" },
    });
    expect(config.server).toMatchObject({ port: 9001, baseUrl: "http://localhost:9001" });
    expect(config.dataDir).toBe("/tmp/y");
  });

  it("reads the file SLIPWAY_CONFIG names and takes its folder for relative paths", () => {
    mkdirSync(join(cwd, "etc"));
    writeFileSync(join(cwd, "etc/s.yaml"), "data: state\n");
    const config = load(undefined, { env: { SLIPWAY_CONFIG: "etc/s.yaml" } });
    expect(config.dataDir).toBe(join(cwd, "etc/state"));
    expect(config.file).toBe(join(cwd, "etc/s.yaml"));
  });

  it("takes an empty file for one without keys", () => {
    expect(load("# nothing yet\n").server.port).toBe(8080);
  });
});

describe("references", () => {
  const env = { HOST_NAME: "releases", PORT: "9100", EMPTY: "", INJECT: "x\nserver: {}" };

  it("replaces variables in values, with defaults, and knows numbers among them", () => {
    const config = load(
      "server: { port: '${PORT}' }\ndata: ${HOST_NAME}-${NOPE:-dflt}-${EMPTY:-e}-$${PORT}\n",
      { env },
    );
    expect(config.server.port).toBe(9100);
    expect(config.dataDir).toBe(join(cwd, "releases-dflt-e-${PORT}"));
  });

  it("never lets a variable become structure", () => {
    expect(load("data: ${INJECT}", { env }).dataDir).toBe(join(cwd, "x\nserver: {}"));
  });

  it.each([
    ["a variable that is not set", "data: ${NOPE}", "NOPE is not set"],
    ["a variable that is empty", "data: ${EMPTY}", "EMPTY is empty"],
    ["a broken reference", "data: ${NO-PE}", '"${NO-PE}" is not a reference'],
    ["an open reference", "data: ${NOPE", '"${NOPE" is not a reference'],
  ])("reports %s, once", (_what, yaml, text) => {
    const problems = problemsOf(yaml, { env });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.what).toContain(text);
    expect(problems[0]).toMatchObject({ line: 1, path: "data" });
  });

  it.each([
    ["a missing file", "token_file: nope", "does not exist"],
    ["a folder", "token_file: .", "is not a file"],
    ["an empty file", "token_file: empty", "is empty"],
    ["both ways at once", "token: a, token_file: empty", "both token and token_file"],
    ["a variable in the path that is not set", "token_file: '${NOPE}'", "NOPE is not set"],
  ])("reports %s of a secret file, once", (_what, keys, text) => {
    writeFileSync(join(cwd, "empty"), "\n");
    const problems = problemsOf(`repositories:\n  - { provider: git, ${keys} }\n`, { env });
    expect(problems.map((p) => p.what).join()).toContain(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line: 2, path: "repositories[0].token_file" });
  });
});

describe("mistakes", () => {
  it("are all told at once, with file, line, path and fix", () => {
    const error = (() => {
      try {
        load(`server:
  port: many
  hots: x
chat: { announce: ["slack:x"], slak: {} }
repositories:
  - { provider: gti }
environments:
  - name: prod
    sign_off: { dev: 1, one_role_per_persn: true }
    verify: { timeout: 60 }
    target: { kind: command, aply: [x], observe: [y] }
`);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(ConfigInvalid);
    const text = String((error as Error).message).split("\n");
    expect(text).toEqual([
      "config.yaml:2 server.port: must be a number, not a text. Fix: Write a number here.",
      "config.yaml:3 server.hots: there is no such key here. Fix: Did you mean host?",
      "config.yaml:9 environments[0].sign_off.one_role_per_persn: must be a number, not true or false. Fix: Did you mean one_role_per_person?",
      'config.yaml:10 environments[0].verify.timeout: "60" is not a duration. Fix: Write a number with its unit, such as 60s; units are ms, s, m, h and d.',
      'config.yaml:6 repositories[0].provider: this version has no source control provider called "gti". Fix: Did you mean git?',
      "config.yaml:11 environments[0].target.apply: is missing. Fix: Add apply (a list).",
      "config.yaml:11 environments[0].target.aply: there is no such key here. Fix: Did you mean apply?",
      'config.yaml:4 chat.slak: this version has no chat platform called "slak". Fix: Use one of room.',
      'config.yaml:4 chat.announce[0]: this version has no chat platform called "slack". Fix: Use one of room.',
    ]);
  });

  it.each([
    ["invalid YAML", "server: { port: 1\nx: 2", 2, "", "not valid YAML"],
    ["a key given twice", "data: a\ndata: b", 2, "", "not valid YAML"],
    ["a list instead of keys", "- a", 1, "", "must be a section of keys, not a list"],
    ["an unknown section", "enviroments: []", 1, "enviroments", "no such key"],
    ["a port out of range", "server:\n  port: 70000", 2, "server.port", "at most 65535"],
    [
      "a base_url with a path",
      "server: { base_url: 'http://localhost/x' }",
      1,
      "server.base_url",
      "must not have a path",
    ],
    [
      "a base_url that is none",
      "server: { base_url: nope }",
      1,
      "server.base_url",
      "not a web address",
    ],
    [
      "PostgreSQL",
      "database: { url: 'postgres://h/d' }",
      1,
      "database.url",
      "cannot use PostgreSQL yet",
    ],
    ["another database", "database: { url: 'mysql://h/d' }", 1, "database.url", "not the address"],
    ["a database in memory", "database: { url: 'sqlite::memory:' }", 1, "database.url", "forget"],
    [
      "a claim that is none",
      "auth: { roles: { dev: [devs] } }",
      1,
      "auth.roles.dev[0]",
      "not a claim",
    ],
    [
      "no identity provider",
      "auth: { embedded: false }",
      1,
      "auth.embedded",
      "no identity provider",
    ],
    [
      "an unsafe issuer",
      "auth: { roles: { dev: ['*'] }, keycloak: { issuer: 'http://sso.example.com', client_id: x } }",
      1,
      "auth.keycloak.issuer",
      "unencrypted",
    ],
    [
      "Keycloak without roles",
      "auth: { keycloak: { issuer: 'https://s.example.com', client_id: x } }",
      1,
      "auth.roles",
      "is missing",
    ],
    [
      "a public host with the embedded provider",
      "server: { host: 0.0.0.0 }",
      1,
      "server.host",
      "no passwords",
    ],
    [
      "a public address with the embedded provider",
      "server: { base_url: 'https://x.example.com' }",
      1,
      "server.base_url",
      "no passwords",
    ],
    [
      "a channel that is none",
      "chat: { announce: [releases] }",
      1,
      "chat.announce[0]",
      "not a channel",
    ],
    [
      "a service named twice",
      "services:\n  - { name: a, repository: r }\n  - { name: A, repository: r }",
      3,
      "services[1].name",
      "already a service",
    ],
    [
      "an unknown dependency",
      "services:\n  - { name: api, repository: r, depends_on: [apy] }",
      2,
      "services[0].depends_on[0]",
      'no service called "apy"',
    ],
    [
      "a dependency on itself",
      "services:\n  - { name: api, repository: r, depends_on: [api] }",
      2,
      "services[0].depends_on[0]",
      "itself",
    ],
    [
      "a path that leaves the repository",
      "services:\n  - { name: a, repository: r, path: ../x }",
      2,
      "services[0].path",
      "stays inside",
    ],
    [
      "a branch that would be an option",
      `environments:\n${environment("a", "    branch: --upload-pack=x\n")}`,
      4,
      "environments[0].branch",
      "cannot be a branch",
    ],
    [
      "a branch used twice",
      `environments:\n${environment("a", "    branch: m\n")}${environment("b", "    branch: m\n")}`,
      7,
      "environments[1].branch",
      "a already has the branch",
    ],
    [
      "an unknown promotion source",
      `environments:\n${environment("prod", "    promote_from: prd\n")}`,
      4,
      "environments[0].promote_from",
      'no environment called "prd"',
    ],
    [
      "a circle of promotions",
      `environments:\n${environment("a", "    promote_from: b\n")}${environment("b", "    promote_from: a\n")}`,
      4,
      "environments[0].promote_from",
      "from itself",
    ],
    [
      "landing before the deploy",
      `environments:\n${environment("a", "    branch: m\n    land: before\n")}`,
      5,
      "environments[0].land",
      "needs a forge",
    ],
    [
      "landing without a branch",
      `environments:\n${environment("a", "    land: after\n")}`,
      4,
      "environments[0].land",
      "no branch",
    ],
    [
      "a role nobody can hold",
      `environments:\n${environment("a", "    sign_off: { security: 1 }\n")}`,
      4,
      "environments[0].sign_off.security",
      "nobody can ever hold",
    ],
    [
      "a policy without signers",
      `environments:\n${environment("a", "    sign_off: { dev: 0 }\n")}`,
      4,
      "environments[0].sign_off",
      "nobody would have to sign",
    ],
    [
      "an unknown target",
      "environments:\n  - name: a\n    target: { kind: commnd }",
      3,
      "environments[0].target.kind",
      "no deploy target",
    ],
    ["a missing target", "environments:\n  - name: a", 2, "environments[0].target", "is missing"],
    [
      "a role limited to an unknown environment",
      "auth: { roles: { dev: [{ claim: '*', environments: [prd] }] } }",
      1,
      "auth.roles.dev[0].environments[0]",
      'no environment called "prd"',
    ],
  ])("has a sentence for %s", (_what, yaml, line, path, text) => {
    const problems = problemsOf(yaml);
    expect(problems[0]).toMatchObject({ file: "config.yaml", line, path });
    expect(problems[0]?.what).toContain(text);
    expect(problems[0]?.fix).toMatch(/\S/);
  });

  it("of form and of meaning are told together, and none that only follows from another", () => {
    const problems = problemsOf(`server: { port: 99999, host: 0.0.0.0 }
auth: { keycloak: { issuer: nope, client_id: x }, embedded: false }
services:
  - { name: api, repository: r, depends_on: [auth, nope], owner: [] }
  - { repository: r }
  - { name: auth, repository: {} }
environments:
  - { name: preprod, branch: "a b", land: after, target: {} }
  - name: prod
    promote_from: preprod
    sgn_off: none
    target: { kind: command, apply: [a], observe: [b] }
  - name: extra
    promote_from: prd
    target: { kind: command, apply: [a], observe: [b] }
`);
    expect(problems.map(({ path }) => path).sort()).toEqual(
      [
        "server.port",
        "auth.keycloak.issuer",
        "services[0].owner",
        "services[0].depends_on[1]",
        "services[1].name",
        "services[2].repository",
        "environments[0].branch",
        "environments[0].target.kind",
        "environments[1].sgn_off",
        "environments[2].promote_from",
      ].sort(),
    );
  });

  it("never shows a secret", () => {
    const text = JSON.stringify(
      problemsOf(
        `auth: { keycloak: { issuer: "https://bob:hush-hush@x", client_id: [hush-hush], client_secret: { hush-hush: 1 } } }
repositories: [{ provider: git, token: [hush-hush] }]`,
      ),
    );
    expect(text).toContain("issuer");
    expect(text).not.toContain("hush-hush");
  });

  it("refuses a small file that would become huge", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let level = 1; level < 9; level += 1) {
      lines.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(", ")}]`,
      );
    }
    expect(problemsOf(lines.join("\n"))[0]?.what).toContain("not valid YAML");
  });

  it("keeps hostile keys away from the prototype", () => {
    const problems = problemsOf("__proto__: { polluted: true }\nconstructor: { prototype: {} }\n");
    expect(problems.map((p) => p.path)).toContain("constructor");
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it.each([
    ["missing", "nope.yaml", "there is no such file"],
    ["a folder", ".", "cannot be read"],
  ])("says so when the file named is %s", (_what, file, text) => {
    expect(() => load(undefined, { env: { SLIPWAY_CONFIG: file } })).toThrow(text);
  });
});

describe(readEnvironment.name, () => {
  it("is a frozen copy", () => {
    const source: NodeJS.ProcessEnv = { A: "1", B: undefined };
    const env = readEnvironment(source);
    source["A"] = "2";
    expect(env).toEqual({ A: "1" });
    expect(Object.isFrozen(env)).toBe(true);
  });
});
