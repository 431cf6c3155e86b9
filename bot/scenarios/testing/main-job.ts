import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { z } from "zod";
import type { DeploymentPage } from "../../../shared/contract/deployment.ts";
import type { Problem } from "../../../shared/contract/problem.ts";
import type { ReleaseView } from "../../../shared/contract/release.ts";
import type { Installation } from "./installation.ts";
import { createPerson, type Person } from "./person.ts";

const PATIENCE = { timeout: 60_000, interval: 100 };

/**
 * What Slipway is for, from the first start to the last stop, through the room and the API: the same for every installation,
 * whatever it is made of. To be called inside of a `describe`.
 */
export function mainJob(create: () => Promise<Installation>): void {
  let place: Installation;
  let dana: Person;
  let quinn: Person;
  let olivia: Person;

  beforeAll(async () => {
    place = await create();
    const { server } = place;
    dana = createPerson(server.url, server.token("dana"));
    quinn = createPerson(server.url, server.token("quinn"));
    olivia = createPerson(server.url, server.token("olivia"));
  });
  afterAll(() => place?.dispose());

  async function release(number: number): Promise<ReleaseView> {
    const { body } = await dana.get<ReleaseView>(`/releases/${String(number)}`);
    return body;
  }

  async function becomes(number: number, status: ReleaseView["status"]): Promise<ReleaseView> {
    return vi.waitFor(async () => {
      const view = await release(number);
      expect(view.status).toBe(status);
      return view;
    }, PATIENCE);
  }

  async function openRelease(): Promise<ReleaseView> {
    const { body, status } = await dana.send<ReleaseView>("POST", "/releases", {
      source: "uat",
      destination: "master",
    });
    expect(status, JSON.stringify(body)).toBe(201);
    return body;
  }

  it("begins with what runs already", async () => {
    await vi.waitFor(async () => {
      for (const environment of ["preprod", "prod"]) {
        for (const service of place.services) {
          expect(await place.running(environment, service)).toBe(
            await place.branch(service, "master"),
          );
        }
      }
      // What brought it there, if Slipway did, has come to its end.
      const { body } = await dana.get<z.infer<typeof DeploymentPage>>("/deployments");
      expect(body.items.filter((one) => one.status !== "succeeded")).toEqual([]);
    }, PATIENCE);
  });

  it("goes from create-release to deployed and landed, with two sign-offs in the room", async () => {
    await dana.say("@slipway create-release uat master");
    const card = await dana.sees(/Release #1\b/);
    await dana.press(card, "Approve as Dev");
    await vi.waitFor(async () => {
      expect((await release(1)).signOffs.map((one) => one.role)).toEqual(["dev"]);
    }, PATIENCE);
    await quinn.press(await quinn.sees(/Release #1\b/), "Approve as QA");
    await becomes(1, "approved");
    const ready = await olivia.sees(/Release Ready to Deploy/, "releases");
    expect(ready.text).toMatch(/uat → master/);
    expect(ready.text).toMatch(/Dana/);
    expect(ready.text).toMatch(/Quinn/);

    await olivia.press(ready, "Deploy");

    const deployed = await becomes(1, "deployed");
    for (const item of deployed.items) {
      expect(await place.running("prod", item.service)).toBe(item.headSha);
      expect(await place.branch(item.service, "master")).toBe(item.headSha);
    }
  });

  it("refuses to deploy a commit that slipped in after sign-off, until it is signed again", async () => {
    await place.commit("auth-service", "fix: rotate session keys");
    const { number } = await openRelease();
    await dana.send("POST", `/releases/${String(number)}/sign-offs`, { role: "dev" });
    await quinn.send("POST", `/releases/${String(number)}/sign-offs`, { role: "qa" });
    await becomes(number, "approved");
    const slipped = await place.commit("auth-service", "feat: nobody tested this");
    const before = await place.running("prod", "auth-service");

    const refused = await olivia.send<Problem>("POST", `/releases/${String(number)}/deploy`, {
      environment: "prod",
    });

    expect(refused.status).toBe(409);
    for (const requirement of refused.body.requirements ?? []) {
      expect(requirement.code).not.toBe("");
      expect(requirement.reason).not.toBe("");
      expect(requirement.remedy).not.toBe("");
    }
    expect(refused.body.requirements?.length).toBeGreaterThan(0);
    expect(await place.running("prod", "auth-service")).toBe(before);

    await dana.send("POST", `/releases/${String(number)}/refresh`);
    const stale = await release(number);
    expect(stale.status).toBe("pending");
    expect(stale.signOffs.map((one) => one.state)).toEqual(["stale", "stale"]);
    await dana.send("POST", `/releases/${String(number)}/sign-offs`, {
      role: "dev",
      fingerprint: stale.fingerprint,
    });
    await quinn.send("POST", `/releases/${String(number)}/sign-offs`, {
      role: "qa",
      fingerprint: stale.fingerprint,
    });
    const accepted = await olivia.send("POST", `/releases/${String(number)}/deploy`, {
      environment: "prod",
    });
    expect(accepted.status).toBe(202);
    await becomes(number, "deployed");
    expect(await place.running("prod", "auth-service")).toBe(slipped);
  });

  it("makes exactly one sign-off of a hundred clicks at once, all answered", async () => {
    await place.commit("user-service", "feat: sort people by name");
    const { number, fingerprint } = await openRelease();

    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        dana.send("POST", `/releases/${String(number)}/sign-offs`, { role: "dev", fingerprint }),
      ),
    );

    expect(new Set(answers.map((one) => one.status))).toEqual(new Set([answers[0]?.status]));
    expect(answers[0]?.status).toBeLessThan(300);
    const view = await release(number);
    expect(view.signOffs).toHaveLength(1);
    const history = await dana.get<{ items: { event: string }[] }>(
      `/releases/${String(number)}/history?limit=500`,
    );
    expect(history.body.items.filter((one) => one.event === "release.signed_off")).toHaveLength(1);
  });

  it("keeps what was committed when the plug is pulled during a deployment", async () => {
    const open = await dana.get<{ items: { number: number }[] }>("/releases?status=open");
    const number = open.body.items[0]?.number ?? 0;
    await quinn.send("POST", `/releases/${String(number)}/sign-offs`, { role: "qa" });
    await becomes(number, "approved");
    const deployment = await olivia.send<{ number: number }>(
      "POST",
      `/releases/${String(number)}/deploy`,
      { environment: "prod" },
    );
    expect(deployment.status).toBe(202);

    await place.server.kill();
    await place.server.restart();

    const view = await becomes(number, "deployed");
    for (const item of view.items) {
      expect(await place.running("prod", item.service)).toBe(item.headSha);
    }
  });

  it("proves the audit chain", () => {
    const { status, stdout } = place.server.cli("audit", "verify");

    expect(stdout).toMatch(/as they were written/);
    expect(status).toBe(0);
  });

  it("stops within ten seconds when asked to, with the port closed", async () => {
    const code = await place.server.stop();

    expect(code).toBe(0);
    await expect(fetch(`${place.server.url}/health/live`)).rejects.toThrow();
  }, 10_000);
}
