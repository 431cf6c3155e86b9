import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ReleaseQuery, ReleaseView } from "../../contract/release.ts";
import { DeploymentStepRow } from "../../db/rows/deployment-step.ts";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { ReleaseItemRow } from "../../db/rows/release-item.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { ServiceStateRow } from "../../db/rows/service-state.ts";
import { PermissionDenied } from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import { listReleases, releaseHistory, viewRelease } from "./release-queries.ts";
import { settleRelease } from "./settle-release.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "./testing/release-bench.ts";

const pair = { source: "uat", destination: "master" };
const dana = person("dana");
const olivia = person("olivia");

let bench: ReleaseBench;

beforeEach(async () => {
  bench = await createReleaseBench();
  addRepository(bench.scm, "billing", ["feat: b"]);
});
afterEach(() => bench.close());

describe(viewRelease.name, () => {
  it("is what the contract promises", async () => {
    await bench.services.create(dana, pair);
    await bench.services.signOff(dana, 1, { role: "dev" });

    expect(ReleaseView.safeParse(await bench.services.view(olivia, 1)).error).toBeUndefined();
  });

  it("names who could still sign", async () => {
    await bench.services.create(dana, pair);

    const { progress, unsatisfiable } = await bench.services.signOff(person("robin"), 1, {
      role: "dev",
    });

    expect(progress[1]?.eligible.map(({ username }) => username)).toEqual(["quinn"]);
    expect(unsatisfiable).toBeNull();
  });

  it.each([
    ["vic", { refresh: false, close: false, deploy: false, reject: false }],
    ["dana", { refresh: true, close: true, deploy: false, reject: true }],
    ["olivia", { refresh: true, close: false, deploy: true, reject: false }],
    ["adam", { refresh: true, close: true, deploy: true, reject: true }],
  ])("says what %s may do", async (name, expected) => {
    await bench.services.create(dana, pair);
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(person("quinn"), 1, { role: "qa" });

    const { abilities } = await bench.services.view(person(name), 1);

    expect({
      refresh: abilities.refresh.allowed,
      close: abilities.close.allowed,
      deploy: abilities.deploy.allowed,
      reject: abilities.reject.allowed,
    }).toEqual(expected);
  });

  it("says in the words of the refusal why something cannot be done", async () => {
    await bench.services.create(dana, pair);

    const { abilities } = await bench.services.view(person("vic"), 1);

    const refused = await bench.services.refresh(person("vic"), 1).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      message: abilities.refresh.reason,
      remedy: abilities.refresh.remedy,
    });
  });

  it("shows what is in the way in the environment", async () => {
    await bench.services.create(dana, pair);
    bench.facts = {
      ...bench.facts,
      lock: { by: "Adam", reason: "audit", since: new Date(), until: null },
    };

    const { requirements, abilities } = await bench.services.view(olivia, 1);

    expect(requirements.filter(({ met }) => !met).map(({ id }) => id)).toEqual([
      "signed-off",
      "signed-off",
      "not-locked",
    ]);
    expect(abilities.deploy.reason).toContain("audit");
  });

  it("asks for an explicit environment where the branch has none", async () => {
    const billing = bench.scm.repository("billing");
    billing.move("next", billing.tip("master") ?? "");
    await bench.services.create(dana, { source: "uat", destination: "next" });

    const release = await bench.services.view(olivia, 1);

    expect(release.targetEnvironment).toBeNull();
    expect(release.policy.roles).toEqual({ dev: 1, qa: 1 });
    expect(release.abilities.deploy).toMatchObject({
      allowed: false,
      remedy: "Say where: `deploy 1 to <environment>`.",
    });
  });
});

describe(settleRelease.name, () => {
  it("calls a release deployed when every service was brought there and proved", async () => {
    await bench.services.create(dana, pair);
    const release = await ReleaseRow.findOne({ rejectOnEmpty: true });
    const item = await ReleaseItemRow.findOne({ rejectOnEmpty: true });
    const id = newId();
    const step = { id: newId(), deploymentId: id, wave: 1, position: 0, service: "billing" };
    await DeploymentRow.create({
      id,
      number: 7,
      kind: "deploy",
      status: "running",
      environment: "prod",
      releaseId: release.id,
      fingerprint: release.fingerprint,
      desired: [],
      waves: [["billing"]],
      land: "after",
      only: null,
      requestedBy: olivia.subject,
      requestedByName: olivia.name,
      summary: "",
      fencing: 1,
      createdAt: new Date(),
    });
    await DeploymentStepRow.create({
      ...step,
      stage: "verify",
      status: "running",
      attempt: 1,
      timeoutMs: 1000,
    });
    expect(await settle(release.id)).toBe("deploying");

    const state = { id: newId(), environment: "prod", service: "billing", deployment: 7 };
    await ServiceStateRow.create({
      ...state,
      recordedVersion: "x",
      recordedCommit: item.headSha,
      health: "healthy",
      since: new Date(),
    });
    await DeploymentRow.update({ status: "failed" }, { where: { id } });
    expect(await settle(release.id)).toBe("pending");
    await DeploymentRow.update({ status: "succeeded" }, { where: { id } });
    await DeploymentStepRow.update({ status: "succeeded" }, { where: { deploymentId: id } });
    expect(await settle(release.id)).toBe("deployed");

    const view = await bench.services.view(dana, 1);
    expect(view.items[0]?.deployedAt).not.toBeNull();
    expect(view.deployments).toMatchObject([{ number: 7, status: "succeeded" }]);
    expect((await bench.services.create(dana, pair)).number).toBe(2);
    expect(await bench.events()).toContain("release.status_changed");
  });

  async function settle(id: string) {
    return bench.deps.uow.run((tx) =>
      settleRelease(bench.deps, tx, id, { actor: olivia, why: "test" }),
    );
  }
});

describe(listReleases.name, () => {
  beforeEach(async () => {
    const billing = bench.scm.repository("billing");
    billing.move("next_1", billing.tip("master") ?? "");
    addRepository(bench.scm, "auth", ["feat: a", "feat: c"]);
    await bench.services.create(dana, pair);
    await bench.services.create(olivia, { source: "uat", destination: "next_1" });
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.close(olivia, 2, "no");
  });

  it("shows the newest first, with how far signing is", async () => {
    const { items, total } = await bench.services.list(dana, query({}));

    expect(total).toBe(2);
    expect(items.map(({ number, status }) => [number, status])).toEqual([
      [2, "cancelled"],
      [1, "pending"],
    ]);
    expect(items[1]).toMatchObject({
      itemCount: 2,
      commitCount: 3,
      roles: [
        { role: "dev", needed: 1, have: 1 },
        { role: "qa", needed: 1, have: 0 },
      ],
      createdBy: { username: "dana" },
    });
  });

  it.each([
    [{ status: "open" }, [1]],
    [{ status: "closed" }, [2]],
    [{ status: "pending" }, [1]],
    [{ source: "uat" }, [2, 1]],
    [{ destination: "next_1" }, [2]],
    [{ environment: "prod" }, [1]],
    [{ creator: "olivia" }, [2]],
    [{ text: "#2" }, [2]],
    [{ text: "AUT" }, [1]],
    [{ text: "next_" }, [2]],
    [{ text: "nextx" }, []],
    [{ text: "uat prod" }, [1]],
    [{ text: "auth feat" }, [1]],
    [{ text: "%" }, []],
    [{ text: "'; drop table releases; --" }, []],
    [{ limit: 1 }, [2]],
    [{ limit: 1, offset: 1 }, [1]],
  ])("finds with %j", async (wanted, numbers) => {
    const { items } = await bench.services.list(dana, query(wanted));

    expect(items.map(({ number }) => number)).toEqual(numbers);
  });

  it("asks the database the same few times for one release and for many", async () => {
    const counts: number[] = [];
    for (const limit of [1, 2]) {
      const asked = vi.spyOn(bench.database.sequelize, "query");
      await bench.services.list(dana, query({ limit }));
      counts.push(asked.mock.calls.length);
      asked.mockRestore();
    }

    expect(counts[0]).toBeGreaterThan(0);
    expect(counts[1]).toBe(counts[0]);
  });

  function query(wanted: Record<string, unknown>) {
    return ReleaseQuery.parse(wanted);
  }
});

describe(releaseHistory.name, () => {
  it("tells everything about one release, oldest first", async () => {
    await bench.services.create(dana, pair);
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.close(dana, 1, "no");

    const { items, total } = await bench.services.history(dana, 1, { limit: 2, offset: 1 });

    expect(total).toBe(4);
    expect(items.map(({ event }) => event)).toEqual(["release.signed_off", "release.closed"]);
  });

  it("is not for people without any role", async () => {
    await bench.services.create(dana, pair);
    const nobody = { ...dana, grants: [] };

    await expect(bench.services.history(nobody, 1, { limit: 2, offset: 1 })).rejects.toBeInstanceOf(
      PermissionDenied,
    );
  });
});
