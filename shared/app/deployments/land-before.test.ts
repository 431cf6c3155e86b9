import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Landed } from "../../core/ports/scm.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import type { FakeScmOptions } from "../../testing/fake-scm.ts";
import { itemRow } from "../releases/open-release.ts";
import { requestDeployment } from "./request-deployment.ts";
import { retryDeployment } from "./retry-deployment.ts";
import { rollBack } from "./roll-back.ts";
import {
  createDeploymentFixture,
  OLIVIA,
  type DeploymentFixture,
} from "./testing/deployment-fixture.ts";

const SERVICES = { auth: [], api: ["auth"] };

describe("landing before the deploy", () => {
  let world: DeploymentFixture;

  async function setUp(scmOptions: FakeScmOptions) {
    world = await createDeploymentFixture({
      environments: [{ name: "prod", land: "before" }],
      scmOptions,
    });
    await world.addServices(SERVICES);
  }
  beforeEach(() => setUp({ pullRequests: true, landing: "merge" }));
  afterEach(() => world.close());

  async function deploy(options: Parameters<DeploymentFixture["addRelease"]>[1] = {}) {
    const release = await world.addRelease(SERVICES, options);
    await world.signAll(release);
    const deployment = await requestDeployment(world.deps, OLIVIA, release.number, {});
    return { release, deployment };
  }

  const tip = (service: string, branch: string) => world.scm.repository(service).tip(branch) ?? "";

  /** Versions the target was given, in order: commits by their first letters. */
  const applied = () =>
    world.prod.effects
      .filter(({ operation }) => operation === "apply")
      .map(({ service, version }) => [service, version]);
  const versionOf = (commit: string) => commit.slice(0, 8);

  it("merges first, deploys the merge, and knows it for what was signed", async () => {
    const { release, deployment } = await deploy();
    expect(await world.steps(deployment)).toEqual([
      "1 auth merge pending",
      "1 auth deploy pending",
      "1 auth verify pending",
      "2 api merge pending",
      "2 api deploy pending",
      "2 api verify pending",
    ]);

    const ended = await world.finish(deployment);

    expect(ended.status).toBe("succeeded");
    expect(tip("api", "master")).not.toBe(tip("api", "uat"));
    expect(applied()).toEqual([
      ["auth", versionOf(tip("auth", "master"))],
      ["api", versionOf(tip("api", "master"))],
    ]);
    expect(ended.desired).toMatchObject([
      {
        service: "auth",
        commit: tip("auth", "master"),
        version: tip("auth", "master").slice(0, 8),
      },
      { service: "api", commit: tip("api", "master") },
    ]);
    expect((await release.reload()).status).toBe("deployed");
    expect(
      await ReleaseItemRow.findOne({ where: { releaseId: release.id, service: "api" } }),
    ).toMatchObject({ landedSha: tip("api", "master"), landedHead: tip("api", "uat") });
    expect(
      await ServiceStateRow.findOne({ where: { environment: "prod", service: "api" } }),
    ).toMatchObject({ recordedCommit: tip("api", "master"), deployment: deployment.number });
  });

  it("moves the branch itself where there is nothing to merge", async () => {
    await world.close();
    await setUp({});
    const { release, deployment } = await deploy();
    expect((await world.finish(deployment)).status).toBe("succeeded");
    expect(tip("api", "master")).toBe(tip("api", "uat"));
    expect(applied()).toEqual([
      ["auth", versionOf(tip("auth", "uat"))],
      ["api", versionOf(tip("api", "uat"))],
    ]);
    expect((await release.reload()).status).toBe("deployed");
  });

  it.each<[string, Landed]>([
    ["refuses", { outcome: "refused", reason: "A review is missing.", remedy: "Ask for one." }],
    ["has moved on", { outcome: "diverged", branchSha: "d".repeat(40) }],
    ["came out as something else", { outcome: "differs", sha: "d".repeat(40) }],
  ])(
    "deploys nothing of a repository whose branch %s, and nothing after it",
    async (_how, landed) => {
      world.scm.landAs("auth", landed);
      const { release, deployment } = await deploy();

      const ended = await world.finish(deployment);

      expect(ended.status).toBe("failed");
      expect(ended.summary).toContain("Wave 1: auth could not be merged.");
      expect(world.prod.effects).toEqual([]);
      expect(tip("api", "master")).not.toBe(tip("api", "uat"));
      expect((await release.reload()).status).toBe("failed");
    },
  );

  it("goes on after a failure with what was merged, whatever became of the source branch", async () => {
    world.prod.failNext("apply", "auth");
    const { release, deployment } = await deploy();
    expect((await world.finish(deployment)).status).toBe("failed");
    const merged = tip("auth", "master");
    // Forges delete the branch of a merged pull request, or somebody works on.
    world.scm.repository("auth").commit("uat", { title: "feat: later", files: { b: "1" } });

    const again = await retryDeployment(world.deps, OLIVIA, deployment.number);
    expect(await world.steps(again)).not.toContain("1 auth merge pending");
    expect((await world.finish(again)).status).toBe("succeeded");

    expect(tip("auth", "master")).toBe(merged);
    expect(applied().at(-2)).toEqual(["auth", versionOf(merged)]);
    expect((await release.reload()).status).toBe("deployed");
  });

  it("still refuses what was not merged and has moved", async () => {
    world.prod.failNext("apply", "auth");
    const { deployment } = await deploy();
    await world.finish(deployment);
    world.scm.repository("api").commit("uat", { title: "feat: sneaky" });
    await expect(retryDeployment(world.deps, OLIVIA, deployment.number)).rejects.toMatchObject({
      data: { reasons: [{ code: "content.changed" }] },
    });
  });

  it("runs a migration once, also when the merge has another name by the second attempt", async () => {
    world.prod.failNext("apply", "auth");
    const { deployment } = await deploy({ migrations: ["auth"] });
    await world.finish(deployment);
    const again = await retryDeployment(world.deps, OLIVIA, deployment.number);
    expect((await world.finish(again)).status).toBe("succeeded");
    const migrations = world.prod.effects.filter(({ operation }) => operation === "migrate");
    expect(migrations).toHaveLength(1);
  });

  it("merges once although the process died before it could write that down", async () => {
    const { deployment } = await deploy();
    const dying = world.createRunner({
      onBoundary(boundary) {
        if (boundary === "merge:done") {
          throw new Error("killed");
        }
      },
    });
    await expect(world.whileTimePasses(dying.advance(deployment.id))).rejects.toThrow("killed");
    const merged = tip("auth", "master");
    expect(merged).not.toBe(tip("auth", "uat"));
    await world.clock.advance(20_000);

    const ended = await world.finish(deployment, world.createRunner());

    expect(ended.status).toBe("succeeded");
    expect(tip("auth", "master")).toBe(merged);
    expect(applied()[0]).toEqual(["auth", versionOf(merged)]);
  });

  it("merges a repository of two services once, and deploys the same merge of both", async () => {
    const services = { auth: [], "auth-admin": [] };
    const release = await world.addRelease({ auth: [] });
    const { baseSha, headSha } = await ReleaseItemRow.findOne({
      where: { releaseId: release.id },
      rejectOnEmpty: true,
    });
    const admin = { service: "auth-admin", repository: "auth", path: "admin", dependsOn: [] };
    await ReleaseItemRow.create(itemRow(release.id, { ...admin, baseSha, headSha }));
    await world.signAll(release);
    const deployment = await requestDeployment(world.deps, OLIVIA, release.number, {});
    expect((await world.finish(deployment)).status).toBe("succeeded");
    expect(
      applied()
        .map(([service]) => service)
        .sort(),
    ).toEqual(Object.keys(services));
    expect(new Set(applied().map(([, commit]) => commit))).toEqual(
      new Set([versionOf(tip("auth", "master"))]),
    );
  });

  it("goes back to the merge of an earlier release", async () => {
    const first = await deploy();
    await world.finish(first.deployment);
    const merged = tip("api", "master");
    const second = await deploy();
    await world.finish(second.deployment);
    const back = await rollBack(world.deps, OLIVIA, { environment: "prod", reason: "Slow." });
    expect((await world.finish(back)).status).toBe("succeeded");
    expect(applied().at(-2)).toEqual(["api", versionOf(merged)]);
    expect((await second.release.reload()).status).toBe("rolled_back");
  });
});
