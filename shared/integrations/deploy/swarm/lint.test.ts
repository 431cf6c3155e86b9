import { describe, expect, it } from "vitest";
import { lintService, type LintFacts } from "./lint.ts";
import type { Plain } from "./stack-file.ts";

/** A service nothing can be said against. */
const GOOD: Plain = {
  image: "registry.example.com/shop/api:1.0.0",
  healthcheck: { test: ["CMD", "true"] },
  deploy: { replicas: 2, update_config: { failure_action: "rollback", monitor: "20s" } },
};

function rules(service: Plain, more: Partial<LintFacts> = {}): readonly string[] {
  return lintService({
    service,
    root: "/tmp/run",
    releaseValues: ["1.0.0"],
    usesRelease: true,
    isPinned: false,
    ...more,
  }).map(({ rule, level }) => (level === "error" ? `${rule}!` : rule));
}

const update = (config: Plain): Plain => ({
  ...GOOD,
  deploy: { replicas: 2, update_config: { failure_action: "rollback", ...config } },
});
const unchecked = (monitor?: string): Plain => ({
  ...update(monitor === undefined ? {} : { monitor }),
  healthcheck: { disable: true },
});

describe(lintService, () => {
  it.each<[string, Plain, readonly string[]]>([
    ["nothing of a good one", GOOD, []],
    ["no image", { ...GOOD, image: undefined }, ["image!"]],
    ["an image without its tag", { ...GOOD, image: "shop/api:" }, ["image!"]],
    ["a tag that moves", { ...GOOD, image: "shop/api:latest" }, ["mutable-tag"]],
    ["no tag", { ...GOOD, image: "shop/api" }, ["mutable-tag"]],
    ["no health check", unchecked("15s"), ["healthcheck"]],
    [
      "a health check that is switched off",
      { ...unchecked("1m30s"), healthcheck: { test: ["NONE"] } },
      ["healthcheck"],
    ],
    ["no health check and the usual monitor", unchecked(), ["healthcheck", "monitor"]],
    ["no health check and a short monitor", unchecked("14.9s"), ["healthcheck", "monitor"]],
    ["a short monitor beside a health check", update({ monitor: "1s" }), []],
    ["failure_action by default", { ...GOOD, deploy: { replicas: 1 } }, ["failure-action"]],
    ["failure_action: pause", update({ failure_action: "pause" }), ["failure-action"]],
    ["failure_action: continue", update({ failure_action: "continue" }), ["failure-action"]],
    [
      "no replicas",
      { ...GOOD, deploy: { update_config: { failure_action: "rollback" } } },
      ["replicas"],
    ],
    [
      "none needed for a global service",
      { ...GOOD, deploy: { mode: "global", update_config: { failure_action: "rollback" } } },
      [],
    ],
    [
      "a job, which is never updated",
      { image: "shop/api:1", deploy: { mode: "replicated-job", replicas: 1 } },
      [],
    ],
    [
      "a host port of one that starts first",
      { ...update({ order: "start-first" }), ports: [{ mode: "host", published: 80, target: 80 }] },
      ["start-first-host-port"],
    ],
    [
      "a host port of one that stops first",
      { ...update({ order: "stop-first" }), ports: [{ mode: "host", published: 80, target: 80 }] },
      [],
    ],
    [
      "an ingress port of one that starts first",
      {
        ...update({ order: "start-first" }),
        ports: [{ mode: "ingress", published: 80, target: 80 }],
      },
      [],
    ],
    [
      "the version in labels of containers",
      { ...GOOD, labels: { version: "1.0.0" } },
      ["container-labels"],
    ],
    ["other labels of containers", { ...GOOD, labels: { team: "shop" } }, []],
    [
      "a folder of the repository",
      {
        ...GOOD,
        volumes: [{ type: "bind", source: "/tmp/run/work/deploy/conf", target: "/conf" }],
      },
      ["relative-bind!"],
    ],
    [
      "a folder of the nodes",
      { ...GOOD, volumes: [{ type: "bind", source: "/tmp/running/deploy", target: "/conf" }] },
      [],
    ],
    [
      "a variable taken from docker's own",
      { ...GOOD, environment: { WHERE: "/tmp/run", OTHER: "x" } },
      ["machine-variable!"],
    ],
  ])("says of %s", (_what, service, said) => {
    expect(rules(service)).toEqual(said);
  });

  it("says when the version makes no difference", () => {
    expect(rules(GOOD, { usesRelease: false })).toEqual(["version-unused"]);
    expect(rules(GOOD, { usesRelease: false, isPinned: true })).toEqual([]);
  });

  it("has nothing against a moving tag that is pinned to a digest", () => {
    expect(rules({ ...GOOD, image: "shop/api:latest" }, { isPinned: true })).toEqual([]);
  });

  it("gives each finding a reason and a remedy that are sentences", () => {
    const findings = lintService({
      service: { image: "shop/api", labels: { v: "1.0.0" } },
      root: "/tmp/run",
      releaseValues: ["1.0.0"],
      usesRelease: false,
      isPinned: false,
    });
    expect(findings.length).toBeGreaterThan(5);
    for (const { text, fix } of findings) {
      expect(text).toMatch(/^[A-Z].*\.$/s);
      expect(fix).toMatch(/^[A-Z].*[.}]$/s);
    }
  });
});
