import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { z } from "zod";
import type { DeploymentPage } from "../../shared/contract/deployment.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import {
  hasSwarm,
  startSwarm,
  SWARM_PART,
  type TestSwarm,
} from "../../shared/integrations/deploy/swarm/testing/swarm.ts";
import { describeWith } from "../../shared/testing/needs.ts";
import { untilItWorks } from "../../shared/testing/until-it-works.ts";
import { createPerson, type Person } from "./testing/person.ts";
import {
  buildOnce,
  freePort,
  readHealth,
  runProduct,
  type CommandLine,
} from "./testing/server-process.ts";

const run = promisify(execFile);
const root = new URL("../../", import.meta.url).pathname;

describeWith(SWARM_PART, hasSwarm)("npm run demo:swarm", () => {
  let swarm: TestSwarm;
  let data: string;
  let port: number;
  let env: Record<string, string>;
  let server: ChildProcess | undefined;
  let printed = "";

  beforeAll(async () => {
    buildOnce();
    swarm = await startSwarm();
    await swarm.docker("swarm", "leave", "--force");
    data = mkdtempSync(join(tmpdir(), "slipway-demo-test-"));
    port = await freePort();
    env = {
      PATH: process.env["PATH"] ?? "",
      HOME: data,
      DOCKER_HOST: swarm.host,
      SLIPWAY_DATA: data,
      SLIPWAY_PORT: String(port),
    };
  });

  afterAll(async () => {
    server?.kill("SIGKILL");
    await swarm?.stop();
    rmSync(data, { recursive: true, force: true });
  });

  function demo(args: readonly string[], own: Record<string, string> = {}): CommandLine {
    return runProduct("bot/demo-swarm.js", args, { ...env, ...own });
  }

  /** Where the demo keeps its things. */
  function inDemo(path: string): string {
    return join(data, "demo-swarm", path);
  }

  async function person(name: string): Promise<Person> {
    const { stdout } = runProduct("bot/cli.js", ["token", "--person", name], {
      ...env,
      SLIPWAY_CONFIG: inDemo("config.yaml"),
      SLIPWAY_DATA: inDemo("state"),
    });
    return createPerson(`http://localhost:${port}`, stdout.trim().split("\n").at(-1) ?? "");
  }

  async function untilDeployed(olivia: Person, count: number): Promise<void> {
    await untilItWorks(
      async () => {
        const { body } = await olivia.get<z.infer<typeof DeploymentPage>>("/deployments");
        const done = body.items.filter(({ status }) => status === "succeeded");
        if (done.length < count) {
          throw new Error(JSON.stringify(body.items.map(({ status }) => status)));
        }
      },
      { timeoutMs: 120_000, intervalMs: 500 },
    );
  }

  /** Images of the running services by name. */
  async function imagesOf(stack: string): Promise<ReadonlyMap<string, string>> {
    const lines = await swarm.docker(
      ...["service", "ls", "--filter", `label=com.docker.stack.namespace=${stack}`],
      ...["--format", "{{.Name}} {{.Replicas}} {{.Image}}"],
    );
    return new Map(
      lines.split("\n").map((line): [string, string] => {
        const [name = "", replicas = "", image = ""] = line.split(" ");
        return [name.slice(stack.length + 1), `${replicas} ${image}`];
      }),
    );
  }

  it("names what is missing and changes nothing", async () => {
    const noEngine = demo([], { DOCKER_HOST: `unix://${join(data, "none.sock")}` });
    const elsewhere = demo([], { DOCKER_HOST: "tcp://127.0.0.1:1" });
    const noProgram = runProduct("bot/demo-swarm.js", [], { ...env, PATH: data });
    const noSwarm = demo([]);

    expect([noEngine, elsewhere, noProgram, noSwarm].map(({ status }) => status)).toEqual([
      1, 1, 1, 1,
    ]);
    expect(noEngine.stderr).toMatch(/no Docker engine to be reached .*none\.sock.*\n.*DOCKER_HOST/);
    expect(elsewhere.stderr).toContain("no Docker engine to be reached");
    expect(noProgram.stderr).toContain("there is no docker program");
    expect(noSwarm.stderr).toMatch(/is no Swarm.*Nothing was changed.\n.*--init-swarm/);
    expect(await swarm.docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
    expect(await swarm.docker("image", "ls", "--quiet")).toBe("");
    expect(existsSync(inDemo("."))).toBe(false);
  });

  it("brings the sample to both environments, and a signed release with a commit of now to one", async () => {
    server = spawn(
      process.execPath,
      ["shared/tooling/launch.mjs", "bot/demo-swarm.js", "--init-swarm"],
      { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] },
    );
    server.stdout?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    server.stderr?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
    await untilItWorks(() => readHealth(`http://localhost:${port}`), {
      timeoutMs: 60_000,
      intervalMs: 100,
      isHopeless: () => server?.exitCode !== null,
    });
    const [dana, quinn, olivia] = await Promise.all(["dana", "quinn", "olivia"].map(person));
    if (!dana || !quinn || !olivia) {
      throw new Error("nobody is there");
    }
    await untilDeployed(olivia, 2);
    const baseline = await imagesOf("slipway-sample-prod");
    expect([...baseline.keys()].sort()).toEqual([
      "api-gateway",
      "auth-service",
      "billing-service",
      "notification-service",
      "user-service",
    ]);
    expect(await imagesOf("slipway-sample-preprod")).toEqual(baseline);

    const repository = inDemo("workspace/repos/billing-service");
    appendFileSync(join(repository, "README.md"), "\nPaid by card.\n");
    await run("git", ["-C", repository, "commit", "--quiet", "--all", "--message", "docs: cards"]);
    const { stdout } = await run("git", ["-C", repository, "rev-parse", "HEAD"]);
    const image = `slipway-sample/billing-service:${stdout.slice(0, 8)}`;
    await untilItWorks(() => swarm.docker("image", "inspect", image), {
      timeoutMs: 30_000,
      intervalMs: 200,
    });
    const { body: release } = await dana.send<ReleaseView>("POST", "/releases", {
      source: "uat",
      destination: "master",
    });
    const path = `/releases/${release.number}`;
    await dana.send("POST", `${path}/sign-offs`, { role: "dev" });
    await quinn.send("POST", `${path}/sign-offs`, { role: "qa" });
    expect((await olivia.send("POST", `${path}/deploy`, {})).status).toBe(202);
    await untilDeployed(olivia, 3);

    const now = await imagesOf("slipway-sample-prod");
    expect(now.get("billing-service")).toBe(`1/1 ${image}`);
    expect([...now.values()].every((line) => line.startsWith("1/1 "))).toBe(true);
    expect(await imagesOf("slipway-sample-preprod")).toEqual(baseline);
    expect(printed).toContain(`demo: made ${image}`);
  });

  it("is not taken away while it runs, nor from another engine", async () => {
    expect(demo(["--down"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("Another Slipway is running"),
    });
    const other = join(data, "other.sock");
    symlinkSync(swarm.socket, other);
    expect(demo(["--down"], { DOCKER_HOST: `unix://${other}` })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`Set DOCKER_HOST=${swarm.host}`),
    });
    expect((await imagesOf("slipway-sample-prod")).size).toBe(5);
  });

  it("leaves nothing behind when it is taken away", async () => {
    server?.kill("SIGINT");
    expect(await once(server as ChildProcess, "exit")).toEqual([0, null]);

    expect(demo(["--down"]).stdout).toContain("ended the Swarm the demo had started");

    expect(await swarm.docker("info", "--format", "{{.Swarm.LocalNodeState}}")).toBe("inactive");
    expect(await swarm.docker("ps", "--all", "--quiet")).toBe("");
    expect(await swarm.docker("image", "ls", "--quiet")).toBe("");
    expect(existsSync(inDemo("."))).toBe(false);
    expect(demo(["--down"])).toMatchObject({
      status: 0,
      stdout: "demo: there is nothing to take away\n",
    });
  });
});
