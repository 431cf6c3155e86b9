import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deployTargetSchemas } from "../integrations/deploy/index.ts";
import { scmSchemas } from "../integrations/scm/index.ts";
import type { Config } from "./config.ts";
import { loadConfig } from "./load-config.ts";
import { printConfig } from "./print-config.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slipway-print-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string, env: Readonly<Record<string, string>> = {}): Config {
  const path = join(folder, "config.yaml");
  writeFileSync(path, text);
  return loadConfig({
    env,
    cwd: folder,
    path,
    providers: { scm: scmSchemas, target: deployTargetSchemas },
  });
}

const FULL = `
server: { port: 0, host: 127.0.0.1, trust_proxy: [10.0.0.1, 10.0.0.2] }
auth:
  keycloak: { issuer: https://sso.example.com/realms/a, client_id: slipway }
  roles:
    dev: ["group:/dev-leads", { claim: "realm:lead", environments: [prod], teams: [pay] }]
    qa: ["client:qa"]
    viewer: ["*"]
  session: { idle: 90m }
repositories:
  - { provider: git, root: ./repos, include: ["*-service"], timeout: 45s }
services:
  - { name: api, repository: api-service, path: gateway, depends_on: [auth] }
  - { name: auth, repository: auth-service }
environments:
  - { name: preprod, branch: uat, sign_off: none, land: "off", target: { kind: command, apply: [./a], observe: [./o] } }
  - name: prod
    branch: master
    promote_from: preprod
    sign_off: { dev: 2, qa: 1, one_role_per_person: false, carry_over: never }
    verify: { settle: 1500ms }
    target: { kind: command, apply: [./a, "{service}"], observe: [./o], env: { REGION: eu }, grace: 250ms }
`;

describe(printConfig.name, () => {
  it("prints a configuration that means the same", () => {
    const config = load(FULL);

    expect(load(printConfig(config))).toEqual(config);
  });

  it("prints a database on a server, and its password never", () => {
    const database = (url: string) =>
      `${FULL}database: { url: "${url}", pool: 3, statement_timeout: 45s }\n`;
    const config = load(database("postgres://slipway@db.example.com:5433/releases"));
    expect(load(printConfig(config))).toEqual(config);

    const printed = printConfig(
      load(database("postgres://slipway:hunter2hunter2@db.example.com/releases")),
    );
    expect(printed).not.toContain("hunter2");
    expect(printed).toContain("postgres://[secret]@db.example.com/releases");
  });

  it("fills in what was left out", () => {
    const printed = printConfig(load(FULL));

    expect(printed).toContain("requests_per_second: 50");
    expect(printed).toContain("deploy: 10m");
    expect(printed).toContain("settle: 1500ms");
  });

  it("shows no secret, whoever holds it and wherever it is repeated", () => {
    const config = load(
      `
auth:
  keycloak: { issuer: https://sso.example.com/r, client_id: c, client_secret: "\${CLIENT}" }
  roles: { dev: ["*"], qa: ["*"] }
repositories: [{ provider: git, root: /srv/hunter2hunter2/repos }]
environments:
  - name: prod
    target:
      kind: command
      apply: [./a, "--url=https://user:swordfish@example.com"]
      observe: [./o]
      env: { REGISTRY_TOKEN: abcdefgh, DB_PASSWORD: tiny, REGION: eu }
`,
      { CLIENT: "hunter2hunter2" },
    );

    const printed = printConfig(config);

    for (const secret of ["hunter2hunter2", "swordfish", "abcdefgh", "tiny"]) {
      expect(printed).not.toContain(secret);
    }
    expect(printed).toContain('client_secret: "[secret]"');
    expect(printed).toContain("REGION: eu");
  });
});
