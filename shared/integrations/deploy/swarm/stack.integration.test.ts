import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createServer } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment } from "../../../config/environment.ts";
import { UpstreamUnavailable } from "../../../errors/catalog.ts";
import { describeWith } from "../../../testing/needs.ts";
import { untilItWorks } from "../../../testing/until-it-works.ts";
import { makeCertificates } from "./testing/certificates.ts";
import { hasSshServer, SSH_PART, startSsh } from "./testing/ssh-server.ts";
import { createRealStackBench, wanted, type StackBenchOptions } from "./testing/stack-bench.ts";
import { hasSwarm, startSwarm, SWARM_PART, type TestSwarm } from "./testing/swarm.ts";

const never = new AbortController().signal;
const soon = { timeoutMs: 30_000, intervalMs: 100 };

const STACK = `version: "3.8"
services:
  api:
    image: shop/api:\${API_VERSION:?}
    environment:
      PRICE: "5$$"
    depends_on: [web]
    configs: [{ source: app, target: /etc/app.json }]
    deploy: { restart_policy: { delay: 100ms } }
  web:
    image: shop/web:\${WEB_VERSION:?}
configs:
  app: { file: ./app.json }
`;

interface Spec {
  readonly Labels: Readonly<Record<string, string>>;
  readonly TaskTemplate: {
    readonly ContainerSpec: {
      readonly Image: string;
      readonly Env: readonly string[];
      readonly Labels: Readonly<Record<string, string>>;
      readonly Configs: readonly { readonly ConfigName: string }[];
    };
  };
  readonly Mode: { readonly Replicated?: { readonly Replicas: number } };
}

describeWith(SWARM_PART, hasSwarm)("stack files on a real Swarm", () => {
  let swarm: TestSwarm;
  let folder: string;
  let log: string[];
  let number = 0;
  const run = { log: (line: string) => void log.push(line), signal: never };

  beforeAll(async () => {
    swarm = await startSwarm();
    folder = await mkdtemp(join(tmpdir(), "slipway-stack-"));
    for (const name of ["api:1.0.0", "api:1.1.0", "web:1.0.0"]) {
      await swarm.image(`shop/${name}`);
    }
  });
  afterAll(async () => {
    await swarm.stop();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    log = [];
    await swarm.clear();
  });

  async function spec(service: string): Promise<Spec> {
    const said = await swarm.docker("service", "inspect", "--format", "{{json .Spec}}", service);
    return JSON.parse(said) as Spec;
  }

  const services = async () =>
    (await swarm.docker("service", "ls", "--format", "{{.Name}}")).split("\n").sort();

  function bench(given: StackBenchOptions = {}, host = swarm.host, stack = STACK) {
    const made = createRealStackBench({ host }, given);
    const commit = (app: string, text = stack) =>
      made.repositories.commit("shop", "uat", {
        "deploy/stack.yml": text,
        "deploy/app.json": app,
      });
    return {
      ...made,
      commit,
      async deploy(service: string, version: string, sha: string) {
        number += 1;
        const more = { deployment: number, fencingToken: number };
        const prepared = await made.applier.prepare(wanted(service, version, sha, more), never);
        return { prepared, handed: await made.applier.deploy(prepared, run) };
      },
    };
  }

  it("deploys exactly the chosen service, and takes no other away", async () => {
    await swarm.deployStack(
      "shop",
      `{"version": "3.8", "services": {"legacy": {"image": "shop/web:1.0.0"}}}`,
    );
    const { commit, deploy } = bench();
    const sha = commit("{}");
    const { prepared, handed } = await deploy("api", "1.0.0", sha);
    expect(handed).toEqual({ outcome: "sent" });
    expect(await services()).toEqual(["shop_api", "shop_legacy"]);
    await deploy("web", "1.0.0", sha);
    expect(await services()).toEqual(["shop_api", "shop_legacy", "shop_web"]);

    const made = await spec("shop_api");
    expect(made.TaskTemplate.ContainerSpec.Env).toContain("PRICE=5$");
    expect(made.Labels).toMatchObject({ ...prepared.labels, "slipway.source": `shop@${sha}` });
    expect(Object.keys(made.TaskTemplate.ContainerSpec.Labels)).toEqual([
      "com.docker.stack.namespace",
    ]);
    await untilItWorks(async () => {
      const images = (await swarm.docker("ps", "--format", "{{.Image}}")).split("\n").sort();
      expect(images).toEqual(["shop/api:1.0.0", "shop/web:1.0.0", "shop/web:1.0.0"]);
    }, soon);
  });

  it("keeps the scale somebody set, and says so", async () => {
    const { commit, deploy } = bench();
    const sha = commit("{}");
    await deploy("api", "1.0.0", sha);
    await swarm.docker("service", "scale", "--detach", "shop_api=3");
    const { prepared } = await deploy("api", "1.1.0", sha);
    expect((await spec("shop_api")).Mode.Replicated?.Replicas).toBe(3);
    expect(prepared.warnings.join(" ")).toContain("keeps the 3 copies it has now");
  });

  it("brings a changed config under a new name, and finds the old one again on the way back", async () => {
    const { commit, deploy } = bench();
    const configOf = async () =>
      (await spec("shop_api")).TaskTemplate.ContainerSpec.Configs[0]?.ConfigName;
    const [one, two] = [commit('{"a":"$one"}'), commit('{"a":"two"}')];
    await deploy("api", "1.0.0", one);
    const first = await configOf();
    await deploy("api", "1.1.0", two);
    const second = await configOf();
    expect(second).not.toBe(first);
    const { handed } = await deploy("api", "1.0.0", one);
    expect(handed).toEqual({ outcome: "sent" });
    expect(await configOf()).toBe(first);
    const content = await swarm.docker("config", "inspect", "--pretty", first ?? "");
    expect(content).toContain('{"a":"$one"}');
  });

  it("says what to do when Swarm refuses other content under a chosen name", async () => {
    const named = STACK.replace("file: ./app.json", "file: ./app.json, name: shop_app_json");
    const { commit, deploy } = bench({}, swarm.host, named);
    expect((await deploy("api", "1.0.0", commit("{}"))).handed).toEqual({ outcome: "sent" });
    expect((await deploy("api", "1.0.0", commit('{"new":1}'))).handed).toMatchObject({
      outcome: "refused",
      cause: "config",
      detail: expect.stringContaining("leave `name:` out") as unknown,
    });
  });

  it("refuses what the cluster lacks before anything is changed", async () => {
    const lacking = STACK.replace(
      "    depends_on: [web]",
      "    secrets: [token]\n    networks: [front]",
    ).replace(
      "    deploy: {",
      "    deploy: { placement: { constraints: [node.labels.disk == ssd] },",
    );
    const { commit, applier } = bench();
    const sha = commit(
      "{}",
      `${lacking}secrets:\n  token: { external: true }\nnetworks:\n  front: { external: true }\n`,
    );
    const refusal = await applier
      .prepare(wanted("api", "1.0.0", sha), never)
      .catch((error: unknown) => error);
    expect(String(refusal)).toContain("There is no secret called token in the Swarm");
    expect(String(refusal)).toContain("There is no network called front in the Swarm");
    expect(String(refusal)).toContain("No node that takes tasks meets node.labels.disk == ssd");
    await swarm.docker("network", "create", "--driver", "overlay", "front");
    const node = await swarm.docker("node", "ls", "--quiet");
    await swarm.docker("node", "update", "--label-add", "disk=ssd", node);
    execFileSync("sh", ["-c", `printf hush | docker -H '${swarm.host}' secret create token -`]);
    try {
      await expect(applier.prepare(wanted("api", "1.0.0", sha), never)).resolves.toBeDefined();
    } finally {
      await swarm.docker("secret", "rm", "token");
      await swarm.docker("network", "rm", "front");
    }
  });

  it("cannot tell what became of it when the manager goes away", async () => {
    const { commit, applier } = bench();
    const prepared = await applier.prepare(wanted("api", "1.0.0", commit("{}")), never);
    const gone = bench({ manager: async () => ({ host: "unix:///gone.sock", tls: null }) });
    expect(await gone.applier.deploy(prepared, run)).toMatchObject({ outcome: "unknown" });
  });

  describe("a private registry", () => {
    const account = { username: "robot", password: "s3cr3t-of-the-registry" };
    const image = "127.0.0.1:5000/shop/api";
    let registry: ReturnType<typeof spawn>;
    const pulls: string[] = [];

    beforeAll(async () => {
      // Beside the engine: it has a network of its own, where 127.0.0.1 needs no TLS.
      const inside = execFileSync("pgrep", ["-P", String(swarm.keeperPid)], { encoding: "utf8" });
      const file = fileURLToPath(new URL("./testing/registry-process.ts", import.meta.url));
      registry = spawn(
        "nsenter",
        [
          ...["--target", inside.trim(), "--net", process.execPath, "--import", "tsx", file],
          ...["5000", account.username, account.password],
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      const lines = createInterface({ input: registry.stdout ?? process.stdin });
      lines.on("line", (line) => pulls.push(line));
      await once(lines, "line");
      const config = join(folder, "push");
      const auth = Buffer.from(`${account.username}:${account.password}`).toString("base64");
      execFileSync("mkdir", ["-p", config]);
      await writeFile(
        join(config, "config.json"),
        JSON.stringify({ auths: { "127.0.0.1:5000": { auth } } }),
      );
      await swarm.docker("tag", "shop/api:1.0.0", `${image}:1.0.0`);
      await swarm.docker("--config", config, "push", `${image}:1.0.0`);
      await swarm.docker("rmi", `${image}:1.0.0`);
      await rm(config, { recursive: true });
    });
    afterAll(async () => {
      registry.kill();
      await once(registry, "close");
    });

    const stack = STACK.replace("shop/api:", `${image}:`);

    it("gets credentials for the run, which stay nowhere on our disk", async () => {
      const options = { registry: { "127.0.0.1:5000": account } };
      const { commit, deploy } = bench({ options }, swarm.host, stack);
      const { prepared, handed } = await deploy("api", "1.0.0", commit("{}"));
      expect(handed).toEqual({ outcome: "sent" });
      // The tag was looked up with them, and pinned.
      const made = (await spec("shop_api")).TaskTemplate.ContainerSpec.Image;
      expect(made).toMatch(/^127\.0\.0\.1:5000\/shop\/api:1\.0\.0@sha256:[0-9a-f]{64}$/);
      await untilItWorks(async () => {
        expect(await swarm.docker("ps", "--format", "{{.Image}}")).toContain(image);
      }, soon);
      expect(pulls.some((line) => line.startsWith("pulled shop/api:"))).toBe(true);
      expect(JSON.stringify([prepared.stackFile, log, await spec("shop_api")])).not.toContain(
        account.password,
      );
      const left = (await readdir(tmpdir())).filter((name) => name.startsWith("slipway-docker-"));
      const auth = Buffer.from(`${account.username}:${account.password}`).toString("base64");
      for (const name of left) {
        // Others on this machine may be at work in theirs.
        const content = await readFile(join(tmpdir(), name, "config/config.json"), "utf8").catch(
          () => "",
        );
        expect(content).not.toContain(auth);
      }
    });

    it("is said to refuse us when there are none, and to lack what it lacks", async () => {
      const without = bench({}, swarm.host, stack);
      const prepared = await without.applier.prepare(
        wanted("api", "1.0.0", without.commit("{}")),
        never,
      );
      expect(prepared.warnings.join(" ")).toContain("The registry does not let us see");
      const options = { registry: { "127.0.0.1:5000": account } };
      const { commit, applier } = bench({ options }, swarm.host, stack);
      await expect(applier.prepare(wanted("api", "9.9.9", commit("{}")), never)).rejects.toThrow(
        `There is no image ${image}:9.9.9`,
      );
    });
  });

  it("goes through TLS, with the certificate the engine asks for and no other", async () => {
    const certificates = join(folder, "tls");
    execFileSync("mkdir", ["-p", certificates]);
    const { server, client } = await makeCertificates(certificates);
    const proxy = createServer(
      { ...server, requestCert: true, rejectUnauthorized: true },
      (socket) => {
        const engine = connect(swarm.socket);
        socket.pipe(engine).pipe(socket);
        socket.on("error", () => engine.destroy());
        engine.on("error", () => socket.destroy());
      },
    ).listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const host = `tcp://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    try {
      const { repositories, applier } = createRealStackBench({ host, tls: client });
      const sha = repositories.commit("shop", "uat", {
        "deploy/stack.yml": STACK,
        "deploy/app.json": "{}",
      });
      const prepared = await applier.prepare(wanted("api", "1.0.0", sha), never);
      expect(await applier.deploy(prepared, run)).toEqual({ outcome: "sent" });
      expect(await services()).toEqual(["shop_api"]);

      const stranger = { ...client, cert: server.cert, key: server.key };
      const other = createRealStackBench({ host, tls: { ...stranger, ca: server.cert } });
      const again = other.repositories.commit("shop", "uat", { "deploy/stack.yml": STACK });
      await expect(other.applier.prepare(wanted("web", "1.0.0", again), never)).rejects.toThrow(
        UpstreamUnavailable,
      );
    } finally {
      proxy.close();
    }
  });

  describeWith(SSH_PART, hasSshServer)("ssh", () => {
    it("goes through the machine's own ssh, and only to a host it knows", async () => {
      const place = join(folder, "ssh");
      execFileSync("mkdir", ["-p", place]);
      const ssh = await startSsh(place, swarm.host, readEnvironment()["PATH"] ?? "");
      try {
        const { applier, commit } = bench({ environment: { PATH: ssh.path } }, ssh.host);
        const prepared = await applier.prepare(wanted("api", "1.0.0", commit("{}")), never);
        expect(await applier.deploy(prepared, run)).toEqual({ outcome: "sent" });
        expect(await services()).toEqual(["shop_api"]);

        await ssh.forgetHost();
        const stranger = bench({ environment: { PATH: ssh.path } }, ssh.host);
        await expect(
          stranger.applier.prepare(wanted("web", "1.0.0", stranger.commit("{}")), never),
        ).rejects.toThrow("Host key verification failed");
      } finally {
        await ssh.stop();
      }
    });
  });
});
