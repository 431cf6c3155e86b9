import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { describeWith } from "../../../testing/needs.ts";
import { untilItWorks } from "../../../testing/until-it-works.ts";
import { createRealStackBench, wanted } from "./testing/stack-bench.ts";
import { hasSwarm, startSwarm, SWARM_PART, type TestSwarm } from "./testing/swarm.ts";

const never = new AbortController().signal;

describeWith(SWARM_PART, hasSwarm)("stack files on a real Swarm", () => {
  let swarm: TestSwarm;
  let log: string[];
  const run = { log: (line: string) => void log.push(line), signal: never };

  beforeAll(async () => {
    swarm = await startSwarm();
    await Promise.all(
      ["api:1.0.0", "api:1.1.0", "web:1.0.0"].map((name) => swarm.image(`shop/${name}`)),
    );
  });
  afterAll(() => swarm.stop());
  beforeEach(async () => {
    log = [];
    await swarm.clear();
  });

  async function spec(service: string) {
    return JSON.parse(
      await swarm.docker("service", "inspect", "--format", "{{json .Spec}}", service),
    ) as {
      readonly Labels: Readonly<Record<string, string>>;
      readonly TaskTemplate: {
        readonly ContainerSpec: {
          readonly Image: string;
          readonly Env: readonly string[];
          readonly Labels: Readonly<Record<string, string>>;
        };
      };
      readonly Mode: { readonly Replicated?: { readonly Replicas: number } };
    };
  }

  it("deploys exactly the chosen service", async () => {
    const { applier, repositories } = createRealStackBench(swarm);
    const sha = repositories.commit("shop", "uat", {
      "deploy/stack.yml": `
version: "3.8"
services:
  api:
    image: shop/api:\${API_VERSION:?}
    environment:
      PRICE: "5$$"
    depends_on: [web]
  web:
    image: shop/web:\${WEB_VERSION:?}
`,
    });
    const prepared = await applier.prepare(wanted("api", "1.0.0", sha), never);
    expect(await applier.deploy(prepared, run)).toEqual({ outcome: "sent" });
    expect(await swarm.docker("service", "ls", "--format", "{{.Name}}")).toBe("shop_api");
    const made = await spec("shop_api");
    expect(made.TaskTemplate.ContainerSpec.Env).toContain("PRICE=5$");
    expect(made.Labels).toMatchObject({
      ...prepared.labels,
      "slipway.source": `shop@${sha}`,
      "slipway.version": "1.0.0",
    });
    expect(Object.keys(made.TaskTemplate.ContainerSpec.Labels)).toEqual([
      "com.docker.stack.namespace",
    ]);
    await untilItWorks(
      async () => {
        expect(await swarm.docker("ps", "--format", "{{.Image}}")).toBe("shop/api:1.0.0");
      },
      { timeoutMs: 30_000, intervalMs: 100 },
    );
  });
});
