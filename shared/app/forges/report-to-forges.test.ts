import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RequestBudget } from "../../core/ports/scm.ts";
import { ForgeReportRow } from "../../db/rows/forge-report.ts";
import { JobRow } from "../../db/rows/job.ts";
import { RateLimited, UpstreamTimeout } from "../../errors/catalog.ts";
import type { EventName, EventOf } from "../../events/events.ts";
import { createRepositoryFinder } from "../deployments/find-repository.ts";
import { requestDeployment } from "../deployments/request-deployment.ts";
import { rollBack } from "../deployments/roll-back.ts";
import {
  createDeploymentFixture,
  OLIVIA,
  type DeploymentFixture,
} from "../deployments/testing/deployment-fixture.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "../releases/testing/release-bench.ts";
import {
  createReportToForges,
  reportToForges,
  sweepReports,
  type ReportDeps,
} from "./report-to-forges.ts";

const dana = person("dana");
const quinn = person("quinn");
const never = new AbortController().signal;

describe("what forges show of a release", () => {
  let bench: ReleaseBench;
  let budgets: readonly RequestBudget[] = [];

  async function setUp(reports = true) {
    budgets = [];
    bench = await createReleaseBench({ scmOptions: { reports, budgets: () => budgets } });
    for (const name of ["auth", "billing"]) {
      addRepository(bench.scm, name, ["feat: x"]);
    }
    await bench.services.create(dana, { source: "uat", destination: "master" });
  }
  beforeEach(() => setUp());
  afterEach(() => bench.close());

  function deps(changes: Partial<ReportDeps> = {}): ReportDeps {
    return {
      ...bench.deps,
      ...createRepositoryFinder(bench.deps.scms, bench.deps.clock),
      environments: bench.deps.environments.map((one) => ({ ...one, reportToForge: true })),
      ...changes,
    };
  }

  const report = (release = 1, changes: Partial<ReportDeps> = {}) =>
    reportToForges(deps(changes), { release }, never);

  /** What was told since the last look, as `repository: state description`. */
  function told(): readonly string[] {
    const reports = bench.scm.told as unknown[];
    return (reports.splice(0) as typeof bench.scm.told).map((one) =>
      one.kind === "status"
        ? `${one.repository}: ${one.status.state} ${one.status.description}`
        : `${one.repository}: ${one.report.state}`,
    );
  }

  it("follows the signatures", async () => {
    await report();
    expect(bench.scm.told[0]).toMatchObject({
      kind: "status",
      sha: bench.scm.repository("auth").tip("uat"),
      status: { context: "slipway/prod", url: "http://localhost:8080/releases/1" },
    });
    expect(told()).toEqual([
      "auth: pending Release #1 waits for dev and qa.",
      "billing: pending Release #1 waits for dev and qa.",
    ]);
    await bench.services.signOff(dana, 1, { role: "dev" });
    await report();
    expect(told()[0]).toBe("auth: pending Release #1 waits for qa.");
    await bench.services.signOff(quinn, 1, { role: "qa" });
    await report();
    expect(told()[0]).toBe("auth: success Release #1 is approved by Dana (dev) and Quinn (qa).");
    await bench.services.reject(quinn, 1, "it breaks");
    await report();
    expect(told()).toHaveLength(2);
    await bench.services.close(dana, 1, "not needed");
    await report();
    expect(told()[0]).toBe("auth: error Release #1 was closed and will not go out.");
  });

  it("asks nobody when there is nothing new to tell", async () => {
    await report();
    const calls = bench.scm.calls["reportStatus"];
    await report();
    await report();
    expect(bench.scm.calls["reportStatus"]).toBe(calls);
    expect(calls).toBe(2);
  });

  it("tells of new commits only, and of them that they are not approved", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });
    await report();
    told();
    bench.scm.repository("billing").commit("uat", { title: "fix: y", files: { "y.ts": "1" } });
    await bench.services.refresh(dana, 1);
    await report();
    expect(told()).toEqual([
      "auth: pending Release #1 waits for dev and qa.",
      "billing: pending Release #1 waits for dev and qa.",
    ]);
  });

  it("takes an approval back from a commit that is left out, and is silent about others", async () => {
    await bench.services.exclude(dana, 1, ["billing"], null);
    await report();
    expect(told()).toEqual(["auth: pending Release #1 waits for dev and qa."]);
    await bench.services.exclude(dana, 1, ["auth"], null);
    await report();
    expect(told()).toEqual(["auth: pending Left out of release #1."]);
  });

  it("lets the newest release speak of a commit", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.close(dana, 1, "once more");
    await bench.services.create(dana, { source: "uat", destination: "master" });
    await report(2);
    told();
    await report(1);
    expect(told()).toEqual([]);
  });

  it("is silent where nobody has to sign, where it is turned off, and where nobody can be told", async () => {
    const [, prod] = deps().environments;
    if (!prod) {
      throw new Error("no environment");
    }
    const silent = { ...prod, reportToForge: false };
    await report(1, { environments: [silent] });
    await report(1, { environments: [{ ...prod, signOff: { ...prod.signOff, roles: {} } }] });
    await report(1, { environments: [] });
    expect(told()).toEqual([]);
    await bench.close();
    await setUp(false);
    await report();
    expect(await ForgeReportRow.count()).toBe(0);
  });

  it("goes on with the others when one repository refuses, and does not ask it again", async () => {
    bench.scm.breakRepository("auth", { code: "repository_unreadable", reason: "no rights." });
    await report();
    expect(told()).toEqual(["billing: pending Release #1 waits for dev and qa."]);
    bench.scm.breakRepository("auth", undefined);
    await report();
    expect(told()).toEqual([]);
    expect(await ForgeReportRow.findOne({ where: { repository: "auth" } })).toMatchObject({
      refusal: expect.stringContaining("no rights") as string,
    });
    await bench.services.signOff(dana, 1, { role: "dev" });
    await report();
    expect(told()).toHaveLength(2);
  });

  it("has the job repeated when a forge does not answer, and then tells only the rest", async () => {
    bench.scm.breakRepository("billing", { code: "timeout", reason: "too slow." });
    await expect(report()).rejects.toBeInstanceOf(UpstreamTimeout);
    expect(told()).toEqual(["auth: pending Release #1 waits for dev and qa."]);
    bench.scm.breakRepository("billing", undefined);
    await report();
    expect(told()).toEqual(["billing: pending Release #1 waits for dev and qa."]);
  });

  it.each<[string, Partial<RequestBudget>, number]>([
    ["little is left", { remaining: 900 }, 1_800_000],
    ["the forge said to wait", { pausedUntil: new Date("2026-11-25T12:01:00Z") }, 60_000],
  ])("waits when %s", async (_when, budget, waitMs) => {
    budgets = [
      {
        name: "core",
        limit: 5_000,
        remaining: 5_000,
        resetsAt: new Date("2026-11-25T12:30:00Z"),
        pausedUntil: null,
        ...budget,
      },
    ];
    const failure = await report(1, { clock: bench.database.clock }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(RateLimited);
    expect((failure as InstanceType<typeof RateLimited>).data.retryAfterMs).toBe(waitMs);
    expect(told()).toEqual([]);
    budgets = [];
    await report();
    expect(told()).toHaveLength(2);
  });

  it("does not trip over a repository that is not configured any more", async () => {
    bench.scm.removeRepository("auth");
    await report();
    expect(told()).toEqual(["billing: pending Release #1 waits for dev and qa."]);
  });

  it("is asked for once, however many facts there are", async () => {
    const subscriber = createReportToForges(bench.deps);
    for (const name of ["release.created", "release.signed_off", "release.approved"] as const) {
      await subscriber.handle(fact(name, { number: 1 }), never);
    }
    const jobs = await JobRow.findAll({ where: { name: "forge.report" } });
    expect(jobs.map(({ payload, key }) => [payload, key])).toEqual([
      [{ release: 1 }, "forge.report/release/1"],
    ]);
  });

  it("finds by itself what it missed, and forgets what is old", async () => {
    await report();
    await ForgeReportRow.update(
      { reportedAt: new Date("2026-01-01T00:00:00Z") },
      { where: { repository: "auth" } },
    );
    await sweepReports(deps());
    expect(await ForgeReportRow.count()).toBe(1);
    expect(await JobRow.count({ where: { key: "forge.report/release/1" } })).toBe(1);
  });
});

describe("what forges show of a deployment", () => {
  let fixture: DeploymentFixture;
  let deps: ReportDeps;

  beforeEach(async () => {
    fixture = await createDeploymentFixture({ scmOptions: { reports: true } });
    deps = {
      ...fixture.deps,
      environments: fixture.deps.environments.map((one) => ({ ...one, reportToForge: true })),
    };
    await fixture.addServices({ auth: [], billing: [] });
  });
  afterEach(() => fixture.close());

  /** Everything told so far, as `repository: state of #deployment`. */
  function told(): readonly string[] {
    return fixture.scm.told.flatMap((one) =>
      one.kind === "deployment"
        ? [`${one.repository}: ${one.report.state} of #${one.report.deployment}`]
        : [],
    );
  }

  async function deployed() {
    const release = await fixture.addRelease({ auth: [], billing: ["auth"] });
    await fixture.signAll(release);
    return requestDeployment(fixture.deps, OLIVIA, release.number, {});
  }

  const report = (deployment: number) => reportToForges(deps, { deployment }, never);

  it("moves from waiting to verified, with the commit and a link", async () => {
    const deployment = await deployed();
    await report(deployment.number);
    await fixture.finish(deployment);
    await report(deployment.number);
    await report(deployment.number);
    expect(told()).toEqual([
      "auth: queued of #1",
      "billing: queued of #1",
      "auth: success of #1",
      "billing: success of #1",
    ]);
    expect(fixture.scm.told.at(-1)).toMatchObject({
      report: {
        environment: "prod",
        sha: fixture.scm.repository("billing").tip("uat"),
        url: "http://localhost:8080/deployments/1",
      },
    });
  });

  it("tells the truth of each repository when a wave fails", async () => {
    const deployment = await deployed();
    fixture.prod.failNext("apply", "auth", { cause: "image_pull", detail: "no such image" });
    await fixture.finish(deployment);
    await report(deployment.number);
    expect(told()).toEqual(["auth: failure of #1", "billing: error of #1"]);
  });

  it("tells of a rollback and of what it took back", async () => {
    await fixture.finish(await deployed());
    const second = await fixture.addRelease({ auth: [] });
    await fixture.signAll(second);
    await fixture.finish(await requestDeployment(fixture.deps, OLIVIA, second.number, {}));
    await report(2);
    const rollback = await rollBack(fixture.deps, OLIVIA, {
      environment: "prod",
      reason: "errors",
    });
    await fixture.finish(rollback);
    await report(rollback.number);
    expect(told()).toEqual(["auth: success of #2", "auth: inactive of #2", "auth: success of #3"]);
  });

  it("is asked for by what settles something, and not by every step", async () => {
    const subscriber = createReportToForges(fixture.deps);
    const step = { number: 1, environment: "prod", wave: 1, service: "auth", outcome: null };
    for (const [stage, status] of [
      ["deploy", "running"],
      ["deploy", "succeeded"],
      ["land", "failed"],
    ]) {
      await subscriber.handle(fact("deployment.step_changed", { ...step, stage, status }), never);
    }
    expect(await JobRow.count({ where: { name: "forge.report" } })).toBe(0);
    const verified = { ...step, stage: "verify", status: "succeeded" };
    await subscriber.handle(fact("deployment.step_changed", verified), never);
    expect(await JobRow.findOne({ where: { name: "forge.report" } })).toMatchObject({
      payload: { deployment: 1 },
    });
  });

  it("says that it is under way, one repository after the other", async () => {
    const deployment = await deployed();
    const hanging = fixture.prod.hang("apply", "billing");
    const running = fixture.runner.advance(deployment.id);
    await fixture.whileTimePasses(hanging.reached);
    await report(deployment.number);
    expect(told()).toEqual(["auth: success of #1", "billing: in_progress of #1"]);
    hanging.release();
    await fixture.whileTimePasses(running);
  });
});

function fact(name: EventName, payload: unknown) {
  return {
    name,
    payload,
    seq: 1,
    id: "e1",
    occurredAt: new Date(),
    correlationId: "c",
    actor: { subject: "s", username: "u", name: "U", platform: "room" },
    subject: { kind: "release", id: "1" },
    related: [],
  } as unknown as EventOf<"release.created">;
}
