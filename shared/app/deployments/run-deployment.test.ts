import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeploymentLogRow } from "../../db/rows/deployment-log.ts";
import { EnvironmentStateRow } from "../../db/rows/environment-state.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import { startRun } from "./run-deployment.ts";
import { requestDeployment } from "./request-deployment.ts";
import {
  createDeploymentFixture,
  OLIVIA,
  type DeploymentFixture,
} from "./testing/deployment-fixture.ts";

const SERVICES = { auth: [], api: ["auth"], billing: ["auth"], web: ["api"] };

describe(startRun.name, () => {
  let it_: DeploymentFixture;
  beforeEach(async () => {
    it_ = await createDeploymentFixture();
    await it_.addServices(SERVICES);
  });
  afterEach(() => it_.close());

  async function deploy(input: Parameters<typeof requestDeployment>[3] = {}) {
    const release = await it_.addRelease(SERVICES);
    await it_.signAll(release);
    return {
      release,
      deployment: await requestDeployment(it_.deps, OLIVIA, release.number, input),
    };
  }

  it("deploys wave by wave, verifies, lands, and says so everywhere", async () => {
    const { release, deployment } = await deploy();
    expect((await release.reload()).status).toBe("deploying");

    const ended = await it_.finish(deployment);

    expect(ended.status).toBe("succeeded");
    expect(ended.summary).toBe("auth, api, billing and web run the new version in prod.");
    expect(it_.prod.effects.map((effect) => effect.service)).toEqual([
      "auth",
      "api",
      "billing",
      "web",
    ]);
    const items = await ReleaseItemRow.findAll({ where: { releaseId: release.id } });
    for (const item of items) {
      expect(it_.scm.repository(item.service).tip("master")).toBe(item.headSha);
      expect(item.landedSha).toBe(item.headSha);
    }
    expect(await release.reload()).toMatchObject({ status: "deployed", openKey: null });
    expect(await EnvironmentStateRow.findByPk("prod")).toMatchObject({ activeDeployment: null });
    const state = await ServiceStateRow.findOne({ where: { environment: "prod", service: "api" } });
    expect(state).toMatchObject({
      recordedCommit: items.find((item) => item.service === "api")?.headSha,
      deployment: deployment.number,
      deployedBy: OLIVIA.subject,
      health: "healthy",
    });
    expect(await it_.steps(deployment)).toEqual([
      "1 auth deploy succeeded",
      "1 auth verify succeeded",
      "1 auth land succeeded",
      "2 api deploy succeeded",
      "2 api verify succeeded",
      "2 api land succeeded",
      "2 billing deploy succeeded",
      "2 billing verify succeeded",
      "2 billing land succeeded",
      "3 web deploy succeeded",
      "3 web verify succeeded",
      "3 web land succeeded",
    ]);
    const events = await it_.events();
    expect(events.filter((name) => name === "release.item_landed")).toHaveLength(4);
    expect(events.filter((name) => name === "deployment.finished")).toHaveLength(1);
    expect(events.indexOf("deployment.started")).toBeLessThan(
      events.indexOf("deployment.finished"),
    );
    const log = await DeploymentLogRow.findAll({ where: { deploymentId: deployment.id } });
    expect(log.map((row) => row.line)).toContain(
      `apply api ${items[0] ? ended.desired.find((d) => d.service === "api")?.version : ""}`,
    );
  });
});
