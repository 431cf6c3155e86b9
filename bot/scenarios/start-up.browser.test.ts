import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { startServer, type ServerProcess } from "./testing/server-process.ts";

const root = new URL("../../", import.meta.url).pathname;
let server: ServerProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-start-"));
  server = await startServer();
});
afterAll(async () => {
  await server?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the product until it ends by itself, and gives what it said. */
function run(entry: "main" | "cli", args: readonly string[], env: Record<string, string>) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["shared/tooling/launch.mjs", `bot/${entry}.js`, ...args],
    {
      cwd: root,
      encoding: "utf8",
      timeout: 30_000,
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, SLIPWAY_DATA: folder, ...env },
    },
  );
  return { status, stdout, said: stderr };
}

describe("starting", () => {
  it("tells every mistake of the configuration at once, with line, place and fix", () => {
    const config = join(folder, "bad.yaml");
    writeFileSync(
      config,
      [
        "server: { prot: 8080 }",
        "environments:",
        "  - name: prod",
        "    land: sometimes",
        "    target: { kind: comand }",
        "repositories:",
        '  - { provider: git, root: "${NO_SUCH_VARIABLE}" }',
      ].join("\n"),
    );

    const { status, said } = run("main", [], { SLIPWAY_CONFIG: config });

    expect(status).toBe(1);
    for (const place of [
      "server.prot",
      "environments[0].land",
      "environments[0].target",
      "NO_SUCH_VARIABLE",
    ]) {
      expect(said).toContain(place);
    }
    expect(said).toMatch(/bad\.yaml:1 /);
    expect(said).toMatch(/port/);
    expect(said).not.toMatch(/ at .*\.js:\d+/);
  });

  it("says which port is taken and touches nothing of the server that has it", async () => {
    const { port } = new URL(server.url);

    const { status, said } = run("main", [], { SLIPWAY_PORT: port });

    expect(status).toBe(1);
    expect(said).toContain(`Port ${port} is in use`);
    expect(said).toContain("SLIPWAY_PORT");
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  });

  it("refuses to be split over processes on SQLite, and says why", () => {
    const { status, said } = run("main", ["--services=web"], { SLIPWAY_PORT: "0" });

    expect(status).toBe(1);
    expect(said).toContain("SQLite belongs to one process");
  });

  it("refuses a database it cannot read, and leaves it alone", () => {
    const data = join(folder, "other");
    const { status } = run("cli", ["migrate"], { SLIPWAY_DATA: data });
    expect(status).toBe(0);
    writeFileSync(join(data, "slipway.db"), "this is a letter, not a database ".repeat(200));

    const refused = run("cli", ["migrate"], { SLIPWAY_DATA: data });

    expect(refused.status).toBe(1);
    expect(refused.said).toMatch(/^slipway: /m);
    expect(refused.said).not.toMatch(/ at .*\.js:\d+/);
  });
});

describe("the command-line", () => {
  it("checks a configuration without starting anything", () => {
    const good = run("cli", ["config", "check", join(root, "config.example.yaml")], {});

    // The example names an identity provider's secret that is not here: a mistake in words, or all is well.
    expect(good.said).not.toMatch(/ at .*\.js:\d+/);
    expect(`${good.stdout}${good.said}`).toMatch(/config\.example\.yaml/);
  });

  it("makes a token while the server runs, its secret on the last line", async () => {
    const token = server.token("vic");

    // The server may just have closed the connection that idled while the command-line ran.
    const answer = await vi.waitFor(() =>
      fetch(`${server.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } }),
    );

    expect(await answer.json()).toMatchObject({ username: "vic", roles: ["viewer"] });
  });

  it("says whom it knows when it is asked for somebody else", () => {
    const { status, said } = run("cli", ["token", "--person", "nobody"], {
      SLIPWAY_DATA: server.data,
    });

    expect(status).toBe(1);
    expect(said).toContain('There is nobody called "nobody"');
    expect(said).toContain("dana");
  });
});
