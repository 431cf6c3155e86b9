import { parse } from "yaml";
import { describe, expect, it } from "vitest";
import type { DesiredState } from "../../../core/ports/deploy-target.ts";
import { AppError } from "../../../errors/app-error.ts";
import { StackFileRefused } from "../../../errors/catalog.ts";
import { describeWith } from "../../../testing/needs.ts";
import { DOCKER_PART, dockerRenders, hasDockerCli } from "./testing/docker-config.ts";
import {
  createFakeCluster,
  createStackBench,
  wanted,
  type StackBenchOptions,
} from "./testing/stack-bench.ts";

const never = new AbortController().signal;
const DIGEST = `sha256:${"a".repeat(64)}`;

const STACK = `version: "3.8"
x-common: &common
  healthcheck:
    test: ["CMD-SHELL", "wget -q localhost:$\${PORT} || exit 1"]
    interval: 5s
services:
  api:
    <<: *common
    image: registry.example.com/shop/api:\${API_VERSION:?}
    env_file: [./api.env]
    environment:
      LEVEL: \${LEVEL:-info}
      REGION: \${REGION}
    networks: [front]
    configs:
      - source: app
        target: /etc/app.json
    secrets: [token]
    volumes: ["data:/data"]
    depends_on: [web]
    deploy:
      labels:
        team: payments
      update_config: { failure_action: rollback, monitor: 20s, order: start-first }
  web:
    image: registry.example.com/shop/web:\${WEB_VERSION:?set it}
    env_file: ./missing-in-repository.env
    configs: [other]
    networks: [front, back]
networks:
  front: { driver: overlay, attachable: true }
  back: { external: true, name: "\${BACK:?}" }
volumes:
  data: {}
  unused: {}
configs:
  app: { file: ./conf/app.json }
  other: { file: ./conf/other.json }
secrets:
  token: { external: true, name: api_token_v3 }
`;
const FILES = {
  "deploy/stack.yml": STACK,
  "deploy/api.env": "FROM_FILE=yes\nPRICE=5$\n",
  "deploy/conf/app.json": '{"a": "${NOT_FILLED_IN}"}',
};
const OPTIONS = { env: { REGION: "eu" } };

function bench(given: StackBenchOptions = {}, files: Readonly<Record<string, string>> = FILES) {
  const made = createStackBench({ ...given, options: { ...OPTIONS, ...given.options } });
  const sha = made.repositories.commit("shop", "uat", files);
  return {
    ...made,
    sha,
    prepare: (more: Partial<DesiredState> = {}, service = "api") =>
      made.applier.prepare(wanted(service, "1.4.2", sha, more), never),
  };
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) {
      return `${error.code} ${error.message} ${error.remedy ?? ""}`;
    }
    throw error;
  }
  throw new Error("it was not refused");
}

describeWith(DOCKER_PART, hasDockerCli)("rendering one service", () => {
  it("keeps exactly the service and what it uses, and stamps it", async () => {
    const { prepare, sha } = bench();
    const prepared = await prepare({ deployment: 7, fencingToken: 9 });
    expect(prepared).toMatchObject({
      service: "api",
      serviceName: "shop_api",
      image: "registry.example.com/shop/api:1.4.2",
      credentials: null,
    });
    const file = parse(prepared.stackFile) as Record<string, Record<string, never>>;
    expect(Object.keys(file)).toEqual([
      "version",
      "services",
      "networks",
      "volumes",
      "configs",
      "secrets",
    ]);
    expect(file).toMatchObject({
      services: {
        api: {
          image: "registry.example.com/shop/api:1.4.2",
          environment: { FROM_FILE: "yes", PRICE: "5$$", LEVEL: "info", REGION: "eu" },
          healthcheck: { test: ["CMD-SHELL", "wget -q localhost:$${PORT} || exit 1"] },
          deploy: {
            labels: {
              team: "payments",
              "slipway.service": "api",
              "slipway.environment": "prod",
              "slipway.version": "1.4.2",
              "slipway.commit": sha,
              "slipway.deployment": "7",
              "slipway.fencing": "9",
              "slipway.spec-hash": prepared.specHash,
              "slipway.source": `shop@${sha}`,
              "slipway.applied-at": "2026-11-21T10:00:00.000Z",
            },
          },
        },
      },
      networks: { front: { driver: "overlay", attachable: true } },
      volumes: { data: {} },
      secrets: { token: { external: true, name: "api_token_v3" } },
    });
    expect(Object.keys(file["services"] ?? {})).toEqual(["api"]);
    expect(Object.keys(file["networks"] ?? {})).toEqual(["front"]);
    expect(Object.keys(file["volumes"] ?? {})).toEqual(["data"]);
    expect(Object.keys(file["configs"] ?? {})).toEqual(["app"]);
    expect(file["services"]?.["api"]).not.toHaveProperty("depends_on");
    expect(dockerRenders(prepared.stackFile, {})).not.toBeNull();
    expect(prepared.stackFile).not.toContain("slipway-docker-");
    const config = file["configs"]?.["app"] as { name: string; file: string } | undefined;
    expect(config?.name).toMatch(/^shop_app_[0-9a-f]{8}$/);
    const [[path, content] = []] = [...prepared.files];
    expect(config?.file).toBe(`./${path}`);
    expect(Buffer.from(content ?? []).toString()).toBe(FILES["deploy/conf/app.json"]);
  });

  it("means to docker exactly what the file meant", async () => {
    const { prepare } = bench(
      {},
      { ...FILES, "deploy/stack.yml": STACK.replace(/ {4}env_file: .*\n/g, "") },
    );
    const prepared = await prepare();
    const variables = { API_VERSION: "1.4.2", WEB_VERSION: "1", REGION: "eu", BACK: "b" };
    const original = dockerRenders(STACK.replace(/ {4}env_file: .*\n/g, ""), variables);
    const deployed = dockerRenders(prepared.stackFile, {});
    const service = (file: typeof original) => {
      const services = file?.["services"] as Record<string, Record<string, unknown>> | undefined;
      const { deploy, ...rest } = services?.["api"] ?? {};
      return { ...rest, depends_on: null, deploy: { ...(deploy as object), labels: null } };
    };
    expect(service(deployed)).toEqual(service(original));
  });

  it("pins the image to the digest that was recorded", async () => {
    const prepared = await bench().prepare({ digest: DIGEST });
    expect(prepared.image).toBe(`registry.example.com/shop/api:1.4.2@${DIGEST}`);
    expect(prepared.stackFile).toContain(prepared.image);
    expect(prepared.labels["slipway.digest"]).toBe(DIGEST);
  });

  it("gives only the credentials of the registry the image is in", async () => {
    const registry = {
      "registry.example.com": { username: "robot", password: "s3cr3t-one" },
      "other.example.com": { username: "robot", password: "s3cr3t-two" },
    };
    const prepared = await bench({ options: { registry } }).prepare();
    expect(prepared.credentials).toEqual({
      username: "robot",
      password: "s3cr3t-one",
      serveraddress: "registry.example.com",
    });
    expect(prepared.stackFile).not.toContain("s3cr3t");
  });

  describe("the hash of a service", () => {
    const hash = async (
      more: Partial<DesiredState> = {},
      files = FILES,
      given: StackBenchOptions = {},
    ) => (await bench(given, files).prepare(more)).specHash;

    it("does not change with who deploys it when, nor with what others in the file do", async () => {
      const before = await hash();
      expect(await hash({ deployment: 8, fencingToken: 10 })).toBe(before);
      const others = STACK.replace("shop/web:", "shop/web2:").replace("unused: {}", "unused2: {}");
      expect(await hash({}, { ...FILES, "deploy/stack.yml": others })).toBe(before);
      const cluster = createFakeCluster({ service: async () => ({ replicas: 4, labels: {} }) });
      expect(await hash({}, FILES, { cluster })).toBe(before);
    });

    it.each<[string, Partial<DesiredState>, Partial<typeof FILES>]>([
      ["the version", { version: "1.4.3" }, {}],
      ["the digest", { digest: DIGEST }, {}],
      ["a config", {}, { "deploy/conf/app.json": "{}" }],
      ["a variable", {}, { "deploy/api.env": "FROM_FILE=no\n" }],
      ["the file", {}, { "deploy/stack.yml": STACK.replace("interval: 5s", "interval: 6s") }],
    ])("changes with %s", async (_what, more, files) => {
      expect(await hash(more, { ...FILES, ...files })).not.toBe(await hash());
    });
  });

  describe("scale", () => {
    const at = (replicas: number | null) =>
      createFakeCluster({ service: async () => ({ replicas, labels: {} }) });
    const replicas = async (cluster: StackBenchOptions["cluster"], stack = STACK) => {
      const given = cluster ? { cluster } : {};
      const prepared = await bench(given, { ...FILES, "deploy/stack.yml": stack }).prepare();
      const file = parse(prepared.stackFile) as {
        services: { api: { deploy: { replicas?: number } } };
      };
      return { replicas: file.services.api.deploy.replicas, warnings: prepared.warnings };
    };

    it("stays what it is where the file names none, and is said", async () => {
      const kept = await replicas(at(4));
      expect(kept.replicas).toBe(4);
      expect(kept.warnings).toContainEqual(
        expect.stringContaining("keeps the 4 copies it has now"),
      );
      expect((await replicas(at(0))).replicas).toBe(0);
    });

    it("is the file's where it names one, and docker's where nothing runs", async () => {
      const two = STACK.replace("    deploy:\n", "    deploy:\n      replicas: 2\n");
      expect((await replicas(at(4), two)).replicas).toBe(2);
      expect((await replicas(undefined)).replicas).toBeUndefined();
      const global = STACK.replace("    deploy:\n", "    deploy:\n      mode: global\n");
      expect((await replicas(at(4), global)).replicas).toBeUndefined();
    });
  });

  describe("where the file comes from", () => {
    const elsewhere = { repository: "infra", branch: "main" };

    it("is the signed commit, not what came after", async () => {
      const { repositories, prepare } = bench();
      repositories.commit("shop", "uat", { ...FILES, "deploy/stack.yml": "broken: [" });
      await expect(prepare()).resolves.toBeDefined();
    });

    it("takes the signed commit of a repository of its own, where the release brings that", async () => {
      const { applier, repositories, sha } = bench({ options: elsewhere });
      const signed = repositories.commit("infra", "main", FILES);
      repositories.commit("infra", "main", {});
      const commits = { shop: sha, infra: signed };
      const prepared = await applier.prepare(wanted("api", "1.4.2", sha, { commits }), never);
      expect(prepared.labels["slipway.source"]).toBe(`infra@${signed}`);
    });

    it("looks a branch up once for a deployment, and again for the next", async () => {
      const { prepare, repositories } = bench({ options: elsewhere });
      const first = repositories.commit("infra", "main", FILES);
      const source = async (deployment: number) =>
        (await prepare({ deployment })).labels["slipway.source"];
      expect(await source(7)).toBe(`infra@${first}`);
      const second = repositories.commit("infra", "main", FILES);
      expect(await source(7)).toBe(`infra@${first}`);
      expect(await source(8)).toBe(`infra@${second}`);
      expect(await source(0)).toBe(`infra@${second}`);
    });

    it("goes on after a restart with the commit the first services of the deployment got", async () => {
      const before = createStackBench().repositories.commit("infra", "main", FILES);
      const source = `infra@${before}`;
      const cluster = createFakeCluster({
        stackLabels: async () => [
          {},
          { "slipway.source": "infra@other", "slipway.deployment": "6" },
          { "slipway.source": source, "slipway.deployment": "7" },
        ],
      });
      const { prepare, repositories } = bench({ options: elsewhere, cluster });
      const now = repositories.commit("infra", "main", FILES);
      expect(await refusal(prepare({ deployment: 7 }))).toContain(`(${source})`);
      expect((await prepare({ deployment: 8 })).labels["slipway.source"]).toBe(`infra@${now}`);
    });

    it("reads a file of a commit once for many services", async () => {
      const { prepare, repositories, sha } = bench({
        options: { env: { REGION: "eu", WEB_VERSION: "1" } },
      });
      await prepare();
      await prepare({ deployment: 2 });
      const stackFiles = repositories.asked.filter((one) => one === `shop@${sha}:deploy/stack.yml`);
      expect(stackFiles).toHaveLength(1);
    });
  });

  it.each<[string, Readonly<Record<string, string>>, Partial<DesiredState>, readonly string[]]>([
    ["no stack file", { "deploy/stack.yml": "" }, {}, ["it has no services", "Add `services:`"]],
    ["a service it has not", {}, { service: "apj" }, ['no service called "apj"', "api comes near"]],
    [
      "a version that is no tag",
      {},
      { version: "1.0+build 7" },
      ['API_VERSION would be "1.0+build 7"'],
    ],
    ["a version that would leave its folder", {}, { version: ".." }, ["cannot be the tag"]],
    [
      "a name docker does not know",
      { "deploy/stack.yml": `name: shop\n${STACK}` },
      {},
      ["docker refuses it", "target.stack"],
    ],
    [
      "depends_on as docker compose has it",
      {
        "deploy/stack.yml": STACK.replace(
          "depends_on: [web]",
          "depends_on: { web: { condition: service_healthy } }",
        ),
      },
      {},
      ["depends_on must be a list", "Write depends_on as a list"],
    ],
    [
      "a key of docker compose",
      { "deploy/stack.yml": STACK.replace("    secrets: [token]", "    gpus: all") },
      {},
      ["gpus", "leave it out"],
    ],
    [
      "an image without a tag after all",
      { "deploy/stack.yml": STACK.replace("shop/api:${API_VERSION:?}", "shop/api:${TAG:-}") },
      {},
      ["is no image"],
    ],
    [
      "a folder of the repository as a volume",
      { "deploy/stack.yml": STACK.replace('"data:/data"', '"./conf:/conf"') },
      {},
      ["on no node of the cluster"],
    ],
  ])("refuses %s", async (_what, files, more, said) => {
    const { prepare } = bench({}, { ...FILES, ...files });
    const told = await refusal(prepare(more));
    expect(told).toContain("stack_file.refused");
    said.forEach((part) => expect(told).toContain(part));
  });

  it("refuses what is missing where it is looked for", async () => {
    const without = (path: string) =>
      Object.fromEntries(Object.entries(FILES).filter(([name]) => name !== path));
    expect(await refusal(bench({}, without("deploy/stack.yml")).prepare())).toContain(
      "there is no such file",
    );
    expect(await refusal(bench({}, without("deploy/api.env")).prepare())).toContain(
      "names deploy/api.env, which is not there",
    );
    expect(await refusal(bench({}, without("deploy/conf/app.json")).prepare())).toContain(
      "names deploy/conf/app.json",
    );
    expect(await refusal(bench().prepare({ commit: null, commits: {} }))).toContain(
      "no commit of shop is known",
    );
  });

  it("refuses what the cluster lacks", async () => {
    const cluster = createFakeCluster({ hasSecret: async (name) => name !== "api_token_v3" });
    await expect(bench({ cluster }).prepare()).rejects.toThrow(StackFileRefused);
    expect(await refusal(bench({ cluster }).prepare())).toContain(
      "There is no secret called api_token_v3 in the Swarm",
    );
  });

  it("leaves a config alone whose name somebody chose", async () => {
    const stack = STACK.replace(
      "app: { file: ./conf/app.json }",
      "app: { file: ./conf/app.json, name: 'app-${API_VERSION}' }",
    );
    const prepared = await bench({}, { ...FILES, "deploy/stack.yml": stack }).prepare();
    expect(parse(prepared.stackFile)).toMatchObject({ configs: { app: { name: "app-1.4.2" } } });
  });

  it("lets a stack file see nothing of our environment", async () => {
    const peek = STACK.replace("LEVEL: ${LEVEL:-info}", "LEVEL: ${TOKEN_OF_OURS:-nothing}");
    const { prepare } = bench(
      { environment: { TOKEN_OF_OURS: "hush-hush", LEVEL: "hush-hush", AWS_KEY: "hush-hush" } },
      { ...FILES, "deploy/stack.yml": peek, "deploy/api.env": "TOKEN_OF_OURS\nAWS_KEY\n" },
    );
    const { stackFile } = await prepare();
    expect(stackFile).not.toContain("hush-hush");
    expect(parse(stackFile)).toMatchObject({
      services: { api: { environment: { LEVEL: "nothing" } } },
    });
  });

  it.each([
    ["in the file", { "deploy/stack.yml": STACK.replace("${REGION}", "${HOME:-x}") }],
    ["with a default", { "deploy/stack.yml": STACK.replace("${REGION}", "${DOCKER_CONFIG-x}") }],
    ["in a file of variables", { "deploy/api.env": "HOME\n" }],
  ])("refuses what docker itself is started with, %s", async (_where, files) => {
    expect(await refusal(bench({}, { ...FILES, ...files }).prepare())).toContain(
      "of the docker program itself",
    );
  });
});

describeWith(DOCKER_PART, hasDockerCli)("rendering a migration", () => {
  const migrate = (given: Readonly<Record<string, unknown>> | undefined, stack = STACK) => {
    const { applier, sha } = bench(
      { options: given === undefined ? {} : { migrate: given } },
      { ...FILES, "deploy/stack.yml": stack },
    );
    const desired = wanted("api", "1.4.2", sha, { deployment: 7, digest: DIGEST });
    return applier.prepareMigration(desired, never);
  };

  it("is none where the options name none", async () => {
    expect(await migrate(undefined)).toBeNull();
  });

  it("is the service with another command, once", async () => {
    const prepared = await migrate({ command: ["./migrate", "--to", "$HEAD"] });
    expect(prepared).toMatchObject({
      service: "api",
      serviceName: "shop_api-migrate-7",
      image: `registry.example.com/shop/api:1.4.2@${DIGEST}`,
    });
    expect(prepared?.labels["slipway.job"]).toBe("migrate");
    expect(parse(prepared?.stackFile ?? "")).toMatchObject({
      services: {
        "api-migrate-7": {
          command: ["./migrate", "--to", "$$HEAD"],
          environment: { FROM_FILE: "yes" },
          healthcheck: { disable: true },
          deploy: { mode: "replicated-job", replicas: 1, restart_policy: { condition: "none" } },
        },
      },
      secrets: { token: { external: true } },
    });
    expect(dockerRenders(prepared?.stackFile ?? "", {})).not.toBeNull();
  });

  it("is a service of the file where that is named", async () => {
    const stack = STACK.replace(
      "  web:\n",
      "  api-db:\n    image: shop/migrations:${API_VERSION:?}\n    command: [up]\n  web:\n",
    );
    const prepared = await migrate({ service: "{service}-db" }, stack);
    expect(prepared).toMatchObject({
      serviceName: "shop_api-migrate-7",
      image: "shop/migrations:1.4.2",
    });
    expect(parse(prepared?.stackFile ?? "")).toMatchObject({
      services: { "api-migrate-7": { command: ["up"], deploy: { mode: "replicated-job" } } },
    });
  });
});

describe("without docker", () => {
  it("says what is missing before anything is read", async () => {
    const { prepare, repositories } = bench({ options: { docker: "/nowhere/docker" } });
    const told = await refusal(prepare());
    expect(told).toContain("swarm.unready");
    expect(told).toContain('there is no program "/nowhere/docker"');
    expect(told).toContain("Install the docker CLI 23 or newer");
    expect(repositories.asked).toEqual([]);
  });
});
