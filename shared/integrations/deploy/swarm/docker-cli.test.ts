import { chmod, mkdtemp, readdir, readFile, rm, utimes, writeFile, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment } from "../../../config/environment.ts";
import { AppError } from "../../../errors/app-error.ts";
import { SwarmUnready } from "../../../errors/catalog.ts";
import { untilItWorks } from "../../../testing/until-it-works.ts";
import { readStat } from "../command/process-table.ts";
import { createDockerCli, type DockerRun } from "./docker-cli.ts";
import { SwarmOptions } from "./options.ts";

const never = new AbortController().signal;
const tls = { ca: "the ca", cert: "the cert", key: "the key" };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway docker é-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A docker program that is this shell script. */
async function dockerThat(script: string, more: Readonly<Record<string, unknown>> = {}) {
  const docker = join(folder, "docker");
  await writeFile(docker, `#!/bin/sh\nout='${folder}'\n${script}\n`);
  await chmod(docker, 0o755);
  const options = SwarmOptions.parse({ stack: "shop", compose: "stack.yml", docker, ...more });
  return createDockerCli(options, {
    environment: "prod",
    baseDir: "/",
    processEnvironment: {
      PATH: readEnvironment()["PATH"] ?? "",
      HOME: "/home/of/ours",
      SSH_AUTH_SOCK: "/run/agent",
      SLIPWAY_TOKEN: "hush-hush",
      DOCKER_HOST: "tcp://other:2375",
    },
    secrets: ["s3cr3t-value"],
    clock: { now: () => new Date() },
    repositoryFiles: { read: async () => null, resolve: async () => "" },
  });
}

const run = (more: Partial<DockerRun> = {}): DockerRun => ({
  args: ["stack", "ls"],
  files: new Map(),
  cwd: ".",
  variables: {},
  manager: null,
  credentials: null,
  signal: never,
  ...more,
});

const read = (name: string) => readFile(join(folder, name), "utf8");

describe("what docker is run with", () => {
  it("is an environment of its own, and nothing of ours", async () => {
    const docker = await dockerThat('env | sort > "$out/env"');
    const { root } = await docker.run(run({ variables: { API_VERSION: "1.0" } }));
    expect(
      (await read("env")).split("\n").filter((line) => !/^(?:_|PWD|SHLVL|OLDPWD)=/.test(line)),
    ).toEqual([
      "API_VERSION=1.0",
      `DOCKER_CONFIG=${root}/config`,
      `HOME=${root}`,
      "NO_COLOR=1",
      `PATH=${readEnvironment()["PATH"] ?? ""}`,
      "",
    ]);
  });

  it.each([
    [{ host: "unix:///run/docker.sock", tls: null }, "unix:///run/docker.sock||", ""],
    [{ host: "ssh://ops@swarm", tls: null }, "ssh://ops@swarm||/run/agent", ""],
    [{ host: "tcp://swarm:2376", tls }, "tcp://swarm:2376|1|", "the ca|the cert|the key|600 700"],
  ])("names the manager %j", async (manager, told, certificates) => {
    const docker = await dockerThat(`
echo "$DOCKER_HOST|$DOCKER_TLS_VERIFY|$SSH_AUTH_SOCK" > "$out/told"
cd "$DOCKER_CERT_PATH" 2>/dev/null && [ -n "$DOCKER_CERT_PATH" ] &&
  echo "$(cat ca.pem)|$(cat cert.pem)|$(cat key.pem)|$(stat -c %a key.pem) $(stat -c %a .)" > "$out/tls" || : > "$out/tls"`);
    await docker.run(run({ manager }));
    expect((await read("told")).trim()).toBe(told);
    expect((await read("tls")).trim()).toBe(certificates);
  });

  it("has credentials where only we can read them, and they are gone afterwards", async () => {
    const docker = await dockerThat(`
stat -c '%a' "$DOCKER_CONFIG" "$DOCKER_CONFIG/config.json" > "$out/modes"
cp "$DOCKER_CONFIG/config.json" "$out/config.json"; echo "$@" > "$out/args"`);
    const credentials = { username: "robot", password: "s3cr3t-value", serveraddress: "r.io" };
    const { root } = await docker.run(run({ credentials }));
    expect(await read("modes")).toBe("700\n600\n");
    expect(JSON.parse(await read("config.json"))).toMatchObject({ auths: { "r.io": {} } });
    expect(await read("args")).toBe("stack ls\n");
    await expect(readdir(root)).rejects.toThrow("ENOENT");
  });

  it("has its files and its input", async () => {
    const docker = await dockerThat('cat - ./a.conf ../b.conf; pwd | sed "s/.*work//"');
    const files = new Map([
      ["deploy/a.conf", "a"],
      ["b.conf", "b"],
    ]);
    const { stdout } = await docker.run(run({ files, cwd: "deploy", input: "in" }));
    expect(stdout).toBe("inab/deploy\n");
  });
});

describe("how a run ends", () => {
  it("tells exit code and last words, without secrets", async () => {
    const docker = await dockerThat('echo "password s3cr3t-value was wrong" >&2; exit 3');
    const lines: string[] = [];
    const { end, said } = await docker.run(run({ onLine: (line) => lines.push(line) }));
    expect(end).toEqual({ how: "exited", code: 3 });
    expect(said).toEqual(["password [secret] was wrong"]);
    expect(lines).toEqual(said);
  });

  it("ends everything it started when told to, and removes its folder", async () => {
    const docker = await dockerThat(
      'echo "$HOME" > "$out/root"; sleep 3600 & echo $! > "$out/pid"; wait',
    );
    const stop = new AbortController();
    const running = docker.run(run({ signal: stop.signal }));
    await untilItWorks(() => read("pid"), { timeoutMs: 10_000, intervalMs: 10 });
    stop.abort(new Error("stopped by the person"));
    await expect(running).rejects.toThrow("stopped by the person");
    await expect(readdir((await read("root")).trim())).rejects.toThrow("ENOENT");
    expect(readStat((await read("pid")).trim())?.isLiving ?? false).toBe(false);
  });

  it("ends one that takes too long", async () => {
    const docker = await dockerThat("sleep 3600", { timeout: "100ms" });
    expect((await docker.run(run())).end).toEqual({ how: "timed_out" });
  });

  it("keeps no answer that is endless", async () => {
    const docker = await dockerThat("head -c 9000000 /dev/zero");
    expect((await docker.run(run())).stdout).toBe("");
  });
});

it("removes what a killed Slipway left behind, and nothing that is in use", async () => {
  const made = async (name: string, age: number) => {
    const path = join(tmpdir(), name);
    await mkdir(path, { recursive: true });
    const then = new Date(Date.now() - age);
    await utimes(path, then, then);
    return path;
  };
  const old = await made("slipway-docker-left-behind", 3_600_000);
  const fresh = await made("slipway-docker-in-use", 1_000);
  try {
    await (await dockerThat("true")).run(run());
    await expect(readdir(old)).rejects.toThrow("ENOENT");
    expect(await readdir(fresh)).toEqual([]);
  } finally {
    await rm(fresh, { recursive: true });
  }
});

describe("which docker it is", () => {
  it.each([
    ["echo 'Docker version 28.2.2, build e6534b4'", null],
    ["echo 'Docker version 23.0.0, build 1'", null],
    [
      "echo 'Docker version 20.10.24+dfsg1, build 297e128'",
      "is version 20.10.24+dfsg1, which has no",
    ],
    ["echo 'podman version 5.0.0'", "does not answer as the docker CLI does"],
    ["exit 1", "does not answer as the docker CLI does"],
  ])("%s: %s", async (script, why) => {
    const docker = await dockerThat(script);
    const asked = docker.requireVersion(never);
    if (why === null) {
      await asked;
      return;
    }
    const error = await asked.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SwarmUnready);
    expect(error instanceof AppError && error.message).toContain(why);
    expect(error instanceof AppError && error.remedy).toContain("23 or newer");
  });

  it("is asked again after it was wrong, and not after it was right", async () => {
    const docker = await dockerThat('echo asked >> "$out/asked"; cat "$out/answer"');
    await expect(docker.requireVersion(never)).rejects.toThrow(SwarmUnready);
    await writeFile(join(folder, "answer"), "Docker version 28.2.2, build e6534b4\n");
    await docker.requireVersion(never);
    await docker.requireVersion(never);
    expect(await read("asked")).toBe("asked\nasked\n");
  });
});
