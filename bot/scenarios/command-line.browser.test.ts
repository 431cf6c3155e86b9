import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isExpendable, keptNames } from "../../shared/backup/kept-files.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { describeWith } from "../../shared/testing/needs.ts";
import { createPerson } from "./testing/person.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";

const root = new URL("../../", import.meta.url).pathname;
let server: ServerProcess;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "slipway-cli-"));
  server = await startServer();
});
afterAll(async () => {
  await server?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

async function createRelease(): Promise<number> {
  const dana = createPerson(server.url, server.token("dana"));
  const { status, body } = await dana.send<ReleaseView>("POST", "/releases", {
    source: "uat",
    destination: "master",
  });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.number;
}

describe("the command-line beside a running server", () => {
  it("knows everything that lies in the data folder", () => {
    const names = readdirSync(server.data).filter((name) => name !== "config.yaml");
    const kept = keptNames({ withSample: true });

    expect(
      names.filter((name) => !kept.includes(name) && !isExpendable(name, "slipway.db")),
    ).toEqual([]);
    expect(kept.filter((name) => !names.includes(name))).toEqual([]);
  });

  it("finds that all is well", () => {
    for (const args of [
      ["chat", "check"],
      ["config", "check", "--connect"],
      ["audit", "verify"],
      ["migrate"],
      ["work", "list"],
      ["token", "list"],
    ]) {
      const { status, stdout, stderr } = server.cli(...args);
      expect([args, status, stderr], stdout).toEqual([args, 0, ""]);
    }
  });

  it("refuses a second server on the same data", () => {
    const { status, stderr } = server.cli("start", "--port", "0");

    expect(status).toBe(1);
    expect(stderr).toMatch(/Another Slipway is running on the database[^]*Stop that one first/);
  });

  it("backs up what was done, refuses to restore beside the server, and restores after it stopped", async () => {
    const number = await createRelease();
    const file = join(folder, "backup.tar.gz");
    const made = server.cli("backup", file);
    expect([made.status, made.stderr]).toEqual([0, ""]);
    const dana = createPerson(server.url, server.token("dana"));
    await dana.send("POST", `/releases/${String(number)}/close`, { reason: "after the backup" });

    const refused = server.cli("restore", file, "--force");
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/Another Slipway is running/);
    expect((await dana.get<ReleaseView>(`/releases/${String(number)}`)).body.status).toBe(
      "cancelled",
    );

    expect(await server.stop()).toBe(0);
    const restored = server.cli("restore", file, "--force");
    expect([restored.status, restored.stderr]).toEqual([0, ""]);
    await server.restart();
    const again = createPerson(server.url, server.token("dana"));
    expect((await again.get<ReleaseView>(`/releases/${String(number)}`)).body.status).toBe(
      "pending",
    );
    expect(server.cli("audit", "verify").status).toBe(0);
  });

  it("leaves nothing under the name of a backup, and the server unharmed, when it is killed in the middle", async () => {
    const file = join(folder, "killed.tar.gz");
    for (const afterMs of [150, 300, 450, 600]) {
      const child = spawn(
        process.execPath,
        ["shared/tooling/launch.mjs", "bot/cli.js", "backup", file],
        {
          cwd: root,
          env: { PATH: process.env["PATH"] ?? "", SLIPWAY_DATA: server.data },
          stdio: "ignore",
        },
      );
      const ended = once(child, "exit");
      const timer = setTimeout(() => child.kill("SIGKILL"), afterMs);
      const [code] = (await ended) as [number | null];
      clearTimeout(timer);
      expect(existsSync(file)).toBe(code === 0);
      rmSync(file, { force: true });
    }
    expect(server.cli("backup", file).status).toBe(0);
    expect(server.cli("restore", "--check", file).status).toBe(0);
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  });
});

/** A file system of two megabytes, for those who may make one. */
function mountSmall(at: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", at], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const small = mkdtempSync(join(tmpdir(), "slipway-small-"));
const isMounted = mountSmall(small);

describeWith("a small file system (root)", isMounted)("on a full disk", () => {
  afterAll(() => {
    execFileSync("umount", [small]);
    rmSync(small, { recursive: true, force: true });
  });

  it("says so, and leaves neither half a backup nor half an installation", async () => {
    const tooBig = server.cli("backup", join(small, "backup.tar.gz"));
    expect(tooBig.status).toBe(1);
    expect(tooBig.stderr).toMatch(/the disk is full[^]*Nothing was changed[^]*Free some space/);
    expect(readdirSync(small)).toEqual([]);

    const file = join(folder, "whole.tar.gz");
    expect(server.cli("backup", file).status).toBe(0);
    const env = { PATH: process.env["PATH"] ?? "", SLIPWAY_DATA: join(small, "data") };
    const child = spawn(
      process.execPath,
      ["shared/tooling/launch.mjs", "bot/cli.js", "restore", file],
      { cwd: root, env, stdio: ["ignore", "ignore", "pipe"] },
    );
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const [code] = (await once(child, "close")) as [number];
    expect(code).toBe(1);
    expect(said).toMatch(/the disk is full/);
    const left = existsSync(join(small, "data")) ? readdirSync(join(small, "data")) : [];
    expect(left.filter((name) => !name.endsWith(".lock"))).toEqual([]);
    expect(readFileSync(join(server.data, "secret.key"), "utf8")).not.toBe("");
  });
});
