import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { EnvironmentView } from "../../shared/contract/environment.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import {
  expectCards,
  expectDeployed,
  expectNothingLeftOver,
  newestDeployment,
  releaseBecomes,
} from "./testing/aftermath.ts";
import { createPerson, type Person } from "./testing/person.ts";
import { startServer, type ServerProcess } from "./testing/server-process.ts";
import { createWorkspace, type Workspace } from "./testing/workspace.ts";

/** `web` is the second wave. */
const SERVICES = { core: [], web: ["core"] };
const NAMES = Object.keys(SERVICES);

let server: ServerProcess;
let team: Workspace;
let dana: Person;
let quinn: Person;
let olivia: Person;
/** The release of this test, signed, and what it brings. */
let release: ReleaseView;

beforeAll(async () => {
  server = await startServer((data) => {
    team = createWorkspace(data, SERVICES);
    return { config: team.config(), env: team.env };
  });
  dana = createPerson(server.url, server.token("dana"));
  quinn = createPerson(server.url, server.token("quinn"));
  olivia = createPerson(server.url, server.token("olivia"));
});
afterAll(async () => {
  team?.openAll();
  await server?.dispose();
});

beforeEach(async (context) => {
  for (const service of NAMES) {
    team.commit(service, `feat: ${context.task.name}`);
  }
  const { body } = await dana.send<ReleaseView>("POST", "/releases", {
    source: "uat",
    destination: "master",
  });
  await dana.send("POST", `/releases/${body.number}/sign-offs`, { role: "dev" });
  const signed = await quinn.send<ReleaseView>("POST", `/releases/${body.number}/sign-offs`, {
    role: "qa",
  });
  release = signed.body;
  expect(release.status).toBe("approved");
});
afterEach(() => team.openAll());

/** Says it in the room, so that a card is there to be brought up to date. */
async function askToDeploy(): Promise<void> {
  await olivia.say(`@slipway deploy ${release.number}`);
}

async function comesBack(): Promise<void> {
  await server.restart();
  team.openAll();
}

/** It came through, and every service was brought out once. */
async function expectDeployedOnce(): Promise<void> {
  const { items } = await expectDeployed(dana, release.number, {
    running: async (environment, service) => team.running(environment, service),
    branch: async (service, branch) => team.branch(service, branch),
  });
  for (const { service, headSha } of items) {
    expect(team.timesApplied("prod", service, headSha ?? ""), `${service} applied`).toBe(1);
  }
}

describe("a process that is killed during a deployment", () => {
  it("that it has just accepted", async () => {
    await olivia.send("POST", `/releases/${release.number}/deploy`, { environment: "prod" });
    await server.kill();

    await comesBack();

    await expectDeployedOnce();
  });

  /** What somebody asks the target, in order: what runs when asked to deploy, before apply, in verify, at the end. */
  it.each([
    ["before the first apply", "core", 1],
    ["while the first wave is verified", "core", 2],
    ["between two waves", "web", 1],
    ["after landing, before the end is written", "core", 3],
  ])("%s", async (_when, service, passed) => {
    team.hold(`observe-${service}`);
    await askToDeploy();
    for (let count = 0; count < passed; count += 1) {
      await team.pass(`observe-${service}`);
    }
    await team.arrival(`observe-${service}`);
    await server.kill();

    await comesBack();

    await expectDeployedOnce();
  });

  it.each([
    ["when the service has changed and its apply has not ended", "after-apply-core"],
    ["when the last service has changed and its apply has not ended", "after-apply-web"],
    ["before the first branch is moved", "land-core"],
    ["between two branches", "land-web"],
  ])("%s", async (_when, gate) => {
    team.hold(gate);
    await askToDeploy();
    await team.arrival(gate);
    await server.kill();

    await comesBack();

    await expectDeployedOnce();
  });

  it.each(["before-apply-core", "in-apply-core"])(
    "in the middle of an apply that lives on, at %s: no second one is started beside it",
    async (gate) => {
      team.hold(gate);
      await askToDeploy();
      const orphan = await team.arrival(gate);
      await server.kill();

      await server.restart();
      await vi.waitFor(
        async () => {
          const { body } = await dana.get<EnvironmentView>("/environments/prod");
          const core = body.services.find((one) => one.service === "core");
          expect(core).toMatchObject({ health: "progressing" });
          expect(core?.detail).toContain(String(orphan));
        },
        { timeout: 20_000, interval: 50 },
      );
      expect(team.waiting(gate)).toEqual([orphan]);
      team.openAll();

      await expectDeployedOnce();
    },
  );

  it("in the middle of an apply that dies with it: it is applied again", async () => {
    team.hold("in-apply-core");
    await askToDeploy();
    const apply = await team.arrival("in-apply-core");
    await server.kill();
    process.kill(apply, "SIGKILL");

    await comesBack();

    await expectDeployedOnce();
  });

  it("twice in one deployment", async () => {
    team.hold("in-apply-core");
    await askToDeploy();
    await team.arrival("in-apply-core");
    await server.kill();
    await server.restart();
    await server.kill();

    await comesBack();

    await expectDeployedOnce();
  });

  it("and whose service is gone afterwards: a failure that says so, and can be retried", async () => {
    team.hold("observe-core");
    await askToDeploy();
    await team.pass("observe-core");
    await team.pass("observe-core");
    await team.arrival("observe-core");
    await server.kill();
    team.lose("prod", "core");

    await comesBack();

    const body = await releaseBecomes(dana, release.number, "failed");
    expect(body.items.map((item) => item.landedAt)).toEqual([null, null]);
    const deployment = await newestDeployment(dana);
    expect(deployment.status).toBe("failed");
    expect(deployment.results.map((one) => [one.service, one.carriesNewVersion])).toEqual([
      ["core", false],
      ["web", false],
    ]);
    await expectNothingLeftOver(dana);
    await expectCards(dana, deployment.number, "failed");

    await olivia.send("POST", `/deployments/${deployment.number}/retry`);
    await releaseBecomes(dana, release.number, "deployed");
  });
});

describe("a process that is asked to end in the middle of a deployment", () => {
  it("ends cleanly within ten seconds and goes on at the next start", async () => {
    team.hold("in-apply-core");
    await askToDeploy();
    await team.arrival("in-apply-core");
    const asked = Date.now();

    expect(await server.stop()).toBe(0);

    expect(Date.now() - asked).toBeLessThan(10_000);
    await expect(fetch(`${server.url}/health/live`)).rejects.toThrow();
    expect(team.waiting("in-apply-core")).toEqual([]);
    team.openAll();
    await comesBack();
    await expectDeployedOnce();
  });

  it("leaves no process behind, not even one that does not want to end", async () => {
    team.breakApply("core", "trap '' TERM");
    team.hold("in-apply-core");
    await askToDeploy();
    await team.arrival("in-apply-core");
    const asked = Date.now();

    expect(await server.stop()).toBe(0);

    expect(Date.now() - asked).toBeLessThan(10_000);
    expect(team.waiting("in-apply-core")).toEqual([]);
    team.repair("core");
    team.openAll();
    await comesBack();
    await expectDeployedOnce();
  });

  it("gives what runs the time to end, and begins nothing more", async () => {
    team.hold("after-apply-core");
    await askToDeploy();
    await team.arrival("after-apply-core");
    const stopped = server.stop();
    await vi.waitFor(() => expect(server.output()).toMatch(/"stopping"/), { interval: 10 });
    team.openAll();

    expect(await stopped).toBe(0);

    expect(team.running("prod", "web")).not.toBe(
      release.items.find((item) => item.service === "web")?.headSha,
    );
    await comesBack();
    await expectDeployedOnce();
  });
});
