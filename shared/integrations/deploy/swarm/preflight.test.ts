import { describe, expect, it } from "vitest";
import { meets, preflight, readConstraint, type ClusterReader } from "./preflight.ts";
import type { Plain } from "./stack-file.ts";
import { createFakeCluster, nodeFacts } from "./testing/stack-bench.ts";

const never = new AbortController().signal;

async function rules(
  service: Plain,
  {
    content = {},
    cluster = {},
    serviceName = "shop_api",
  }: { content?: Plain; cluster?: Partial<ClusterReader>; serviceName?: string } = {},
): Promise<readonly string[]> {
  const findings = await preflight(
    { serviceName, service, content, image: "shop/api:1.0.0", credentials: null },
    createFakeCluster(cluster),
    never,
  );
  return findings.map(({ rule, level, text }) => `${rule}${level === "error" ? "!" : ""} ${text}`);
}

describe(preflight, () => {
  it("has nothing to say where everything is there", async () => {
    expect(
      await rules(
        { networks: ["front"], secrets: ["key"], configs: ["app"] },
        {
          content: {
            networks: { front: { external: true } },
            secrets: { key: { external: true, name: "key_1" } },
            configs: { app: { file: "./app.conf" } },
          },
        },
      ),
    ).toEqual([]);
  });

  it.each<[string, Plain, unknown, string]>([
    ["by its key", { external: true }, "secrets", "secret! There is no secret called key in"],
    [
      "by its name",
      { external: true, name: "key_1" },
      "secrets",
      "secret! There is no secret called key_1 in",
    ],
    [
      "in the old way",
      { external: { name: "key_2" } },
      "secrets",
      "secret! There is no secret called key_2 in",
    ],
    ["a config", { external: true }, "configs", "config! There is no config called key in"],
  ])("misses what is external, %s", async (_how, declared, section, said) => {
    const cluster = { hasSecret: async () => false, hasConfig: async () => false };
    const found = await rules(
      { [String(section)]: [{ source: "key" }] },
      { content: { [String(section)]: { key: declared } }, cluster },
    );
    expect(found).toEqual([expect.stringContaining(said)]);
  });

  it("does not ask for what the stack makes itself", async () => {
    const cluster = { hasSecret: async () => false, network: async () => null };
    const content = { secrets: { key: { file: "./key" } }, networks: { default: null } };
    expect(await rules({ secrets: ["key"] }, { content, cluster })).toEqual([]);
  });

  it.each([
    [null, "There is no network called front"],
    [{ scope: "local" }, "The network front is of one machine"],
  ])("wants an external network of the Swarm: %j", async (network, said) => {
    const found = await rules(
      { networks: { front: null } },
      {
        content: { networks: { front: { external: true } } },
        cluster: { network: async () => network },
      },
    );
    expect(found).toEqual([expect.stringContaining(said)]);
  });

  it.each([
    [["node.role == manager"], true],
    [["node.role == worker"], false],
    [["node.labels.disk == ssd"], true],
    [["node.labels.disk == hdd"], false],
    [["node.labels.disk != hdd", "node.role!=worker"], true],
    [["node.labels.nothing == x"], false],
    [["node.labels.nothing != x"], true],
    [["a constraint of the future"], true],
  ])("placement %j is possible: %s", async (constraints, possible) => {
    const nodes = async () => [
      nodeFacts({ labels: { disk: "SSD" } }),
      nodeFacts({ id: "node2", role: "worker", labels: { disk: "hdd" }, isReady: false }),
    ];
    const found = await rules({ deploy: { placement: { constraints } } }, { cluster: { nodes } });
    expect(found.length === 0).toBe(possible);
  });

  it.each<[Awaited<ReturnType<ClusterReader["image"]>>, readonly string[]]>([
    [{ found: "yes" }, []],
    [{ found: "unknown" }, []],
    [
      { found: "no", why: "its registry does not have it" },
      ["image-missing! There is no image shop/api:1.0.0: its registry does not have it."],
    ],
    [
      { found: "denied", why: "it wants credentials" },
      ["image-denied The registry does not let us see shop/api:1.0.0: it wants credentials."],
    ],
  ])("of an image: %j", async (answer, said) => {
    expect(await rules({}, { cluster: { image: async () => answer } })).toEqual(said);
  });

  it("refuses names Swarm would", async () => {
    const long = "x".repeat(65);
    expect(await rules({}, { serviceName: `shop_${"x".repeat(60)}` })).toEqual([
      expect.stringContaining("service-name!"),
    ]);
    expect(
      await rules({ configs: ["a"] }, { content: { configs: { a: { name: long, file: "a" } } } }),
    ).toEqual([expect.stringContaining("object-name!")]);
  });
});

describe(readConstraint, () => {
  it.each([
    ["node.role==manager", { key: "node.role", isEqual: true, value: "manager" }],
    [" node.labels.a.b/c  !=  x y ", { key: "node.labels.a.b/c", isEqual: false, value: "x y" }],
    ["node.role", null],
  ])("reads %j", (text, read) => {
    expect(readConstraint(text)).toEqual(read);
  });
});

describe(meets, () => {
  it.each([
    ["node.id == NODE1", true],
    ["node.hostname == one", true],
    ["node.platform.os == linux", true],
    ["node.platform.arch == arm64", false],
    ["engine.labels.zone == b", true],
    ["node.ip == 10.0.0.1", false],
  ])("%s: %s", (text, met) => {
    const constraint = readConstraint(text);
    expect(constraint && meets(nodeFacts({ engineLabels: { zone: "b" } }), constraint)).toBe(met);
  });
});
