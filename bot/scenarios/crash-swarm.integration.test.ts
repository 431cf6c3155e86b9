import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { LABELS } from "../../shared/integrations/deploy/swarm/labels.ts";
import { hasSwarm, SWARM_PART } from "../../shared/integrations/deploy/swarm/testing/swarm.ts";
import { describeWith } from "../../shared/testing/needs.ts";
import {
  expectCards,
  expectDeployed,
  expectNothingLeftOver,
  newestDeployment,
  releaseBecomes,
} from "./testing/aftermath.ts";
import { createGates, type Gates } from "./testing/gates.ts";
import { createInstallation, type Installation } from "./testing/installation.ts";
import { createPerson, type Person } from "./testing/person.ts";
import { gitSource } from "./testing/sources.ts";
import { gatedDocker, swarmTarget, type SwarmTarget } from "./testing/targets.ts";

/** The second wave is `user-service`. */
const [FIRST, SECOND] = ["auth-service", "user-service"];
const PATIENCE = { timeout: 60_000, interval: 50 };
const STEP_PATIENCE = { timeout: 60_000, interval: 10 };

describeWith(SWARM_PART, hasSwarm)("a Slipway that is killed while it deploys to a Swarm", () => {
  let place: Installation;
  let target: SwarmTarget;
  let gates: Gates;
  let dana: Person;
  let quinn: Person;
  let olivia: Person;
  /** The release of this test, signed, and what it brings. */
  let release: ReleaseView;

  beforeAll(async () => {
    place = await createInstallation({
      source: gitSource,
      async target(folder) {
        gates = createGates(join(folder, "team"));
        gates.script("docker", gatedDocker());
        target = await swarmTarget();
        return { ...target, env: gates.env };
      },
      // Long enough to be seen.
      prod: { verify: { settle: "1s" } },
    });
    const { server } = place;
    dana = createPerson(server.url, server.token("dana"));
    quinn = createPerson(server.url, server.token("quinn"));
    olivia = createPerson(server.url, server.token("olivia"));
  });
  afterAll(async () => {
    gates?.openAll();
    await place?.dispose();
  });

  beforeEach(async (context) => {
    for (const service of place.services) {
      await place.commit(service, `feat: ${context.task.name}`);
    }
    release = await signedRelease();
  });
  afterEach(() => gates.openAll());

  async function signedRelease(): Promise<ReleaseView> {
    const { body } = await dana.send<ReleaseView>("POST", "/releases", {
      source: "uat",
      destination: "master",
    });
    await dana.send("POST", `/releases/${body.number}/sign-offs`, { role: "dev" });
    const signed = await quinn.send<ReleaseView>("POST", `/releases/${body.number}/sign-offs`, {
      role: "qa",
    });
    expect(signed.body.status).toBe("approved");
    return signed.body;
  }

  /** Says it in the room, so that a card is there to be brought up to date. */
  async function askToDeploy(): Promise<void> {
    await olivia.say(`@slipway deploy ${release.number}`);
  }

  async function comesBack(): Promise<void> {
    await place.server.restart();
    gates.openAll();
  }

  /** Of whoever handed the service over last. */
  async function fencingToken(service: string): Promise<number> {
    return Number(
      await target.swarm.docker(
        ...["service", "inspect", `prod_${service}`],
        ...["--format", `{{index .Spec.Labels "${LABELS.fencing}"}}`],
      ),
    );
  }

  /** It came through, and nothing was restarted that ran already. */
  async function expectDeployedOnce(): Promise<void> {
    const { items } = await expectDeployed(dana, release.number, place);
    for (const { service, headSha } of items) {
      expect(await target.timesStarted("prod", service, headSha ?? ""), service).toBe(1);
    }
  }

  it("that has just accepted the deployment", async () => {
    await olivia.send("POST", `/releases/${release.number}/deploy`, { environment: "prod" });
    await place.server.kill();

    await comesBack();

    await expectDeployedOnce();
  });

  it.each([
    ["after the first service was handed over", `after-hand-over-${FIRST}`],
    ["after the last service was handed over", `after-hand-over-${SECOND}`],
    ["before the first branch is moved", `land-${FIRST}`],
    ["between two branches", `land-${SECOND}`],
  ])("%s", async (_when, gate) => {
    gates.hold(gate);
    await askToDeploy();
    await gates.arrival(gate);
    await place.server.kill();

    await comesBack();

    await expectDeployedOnce();
  });

  it.each([
    ["before the first service is handed over", FIRST],
    ["between two waves", SECOND],
  ])("%s, with its docker program", async (_when, service) => {
    gates.hold(`before-hand-over-${service}`);
    await askToDeploy();
    const docker = await gates.arrival(`before-hand-over-${service}`);
    await place.server.kill();
    process.kill(docker, "SIGKILL");

    await comesBack();

    await expectDeployedOnce();
  });

  it("whose docker program lives on: it hands over nothing beside the next one", async () => {
    const [before, after] = [`before-hand-over-${FIRST}`, `after-hand-over-${FIRST}`];
    gates.hold(before);
    gates.hold(after);
    await askToDeploy();
    const orphan = await gates.arrival(before);
    await place.server.kill();

    await place.server.restart();
    const next = await vi.waitFor(() => {
      const found = gates.waiting(before).find((pid) => pid !== orphan);
      expect(found).toBeDefined();
      return found;
    }, PATIENCE);
    await gates.pass(before, next);
    await gates.arrival(after);
    const handedOver = await fencingToken(FIRST);
    await gates.pass(before, orphan);
    await vi.waitFor(() => expect(gates.waiting(after)).toHaveLength(2), PATIENCE);
    // Nobody reads what it says, and it says what it does before it does it.
    expect(await fencingToken(FIRST)).toBe(handedOver);
    gates.openAll();

    await expectDeployedOnce();
  });

  it.each([FIRST, SECOND])("while %s is verified", async (service) => {
    await askToDeploy();
    await vi.waitFor(async () => {
      const { release: of, steps } = await newestDeployment(dana);
      expect(of).toBe(release.number);
      expect(steps.find((one) => one.service === service && one.stage === "verify")).toMatchObject({
        status: "running",
      });
    }, STEP_PATIENCE);
    await place.server.kill();

    await comesBack();

    await expectDeployedOnce();
  });

  it("after everything has landed, before the end is written", async () => {
    gates.hold(`land-${SECOND}`);
    await askToDeploy();
    await gates.arrival(`land-${SECOND}`);
    // What is asked at the end is not answered.
    await target.swarm.freeze();
    try {
      gates.openAll();
      await vi.waitFor(async () => {
        const { headSha } = release.items.find((item) => item.service === SECOND) ?? {};
        expect(await place.branch(SECOND, "master")).toBe(headSha);
      }, PATIENCE);
      await place.server.kill();
    } finally {
      await target.swarm.thaw();
    }

    await comesBack();

    await expectDeployedOnce();
  });

  it("twice in one deployment", async () => {
    gates.hold(`after-hand-over-${FIRST}`);
    await askToDeploy();
    await gates.arrival(`after-hand-over-${FIRST}`);
    await place.server.kill();
    await place.server.restart();
    await place.server.kill();

    await comesBack();

    await expectDeployedOnce();
  });

  it("together with dockerd, as by a power cut", async () => {
    gates.hold(`after-hand-over-${FIRST}`);
    await askToDeploy();
    await gates.arrival(`after-hand-over-${FIRST}`);
    await Promise.all([place.server.kill(), target.swarm.kill()]);

    await place.server.restart();
    gates.openAll();
    await target.swarm.boot();

    await expectDeployed(dana, release.number, place);
  });

  it("while Swarm takes a service back: a failure that says so, and is not tried again by itself", async () => {
    target.behave(FIRST, "crash");
    const crashing = await place.commit(FIRST, "feat: does not even start");
    target.behave(FIRST, "steady");
    const before = await place.running("prod", FIRST);
    await dana.send("POST", `/releases/${release.number}/refresh`);
    const { body } = await dana.get<ReleaseView>(`/releases/${release.number}`);
    for (const [person, role] of [
      [dana, "dev"],
      [quinn, "qa"],
    ] as const) {
      const { fingerprint } = body;
      await person.send("POST", `/releases/${release.number}/sign-offs`, { role, fingerprint });
    }
    gates.hold(`after-hand-over-${FIRST}`);
    await askToDeploy();
    await gates.arrival(`after-hand-over-${FIRST}`);
    await place.server.kill();
    await vi.waitFor(async () => {
      expect(await target.timesStarted("prod", FIRST, crashing)).toBeGreaterThan(0);
      expect(await place.running("prod", FIRST)).toBe(before);
    }, PATIENCE);

    await comesBack();

    const failed = await releaseBecomes(dana, release.number, "failed");
    expect(failed.items.map((item) => item.landedAt)).toEqual([null, null]);
    const deployment = await newestDeployment(dana);
    expect(deployment.status).toBe("failed");
    expect(deployment.results.map((one) => [one.service, one.carriesNewVersion])).toEqual([
      [FIRST, false],
      [SECOND, false],
    ]);
    expect(deployment.results[0]?.cause).toBe("crash");
    expect(await place.running("prod", FIRST)).toBe(before);
    await expectNothingLeftOver(dana);
    await expectCards(dana, deployment.number, "failed");
  });
});
