import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DEPLOYMENT_STATUSES,
  STAGES,
  type DeploymentStatus,
  type Stage,
} from "../contract/deployment.ts";
import {
  canTransition,
  CAUSE_INTERNAL,
  isActive,
  isFinished,
  isSameVersion,
  nextStep,
  planSteps,
  rollbackPlan,
  settle,
  type HistoryEntry,
  type NextMove,
  type RollbackRequest,
  type ServiceVersion,
  type Step,
} from "./deployment.ts";
import type { ObservedState } from "./ports/deploy-target.ts";

describe(canTransition.name, () => {
  const ends: readonly DeploymentStatus[] = ["failed", "errored", "timed_out"];
  const allowed: Record<DeploymentStatus, readonly DeploymentStatus[]> = {
    scheduled: ["queued", "aborted"],
    queued: ["running", "aborted", "errored"],
    running: ["verifying", "succeeded", "paused", "aborting", "aborted", ...ends],
    verifying: ["succeeded", "paused", "aborting", "aborted", ...ends],
    paused: ["running", "verifying", "aborting", "aborted", ...ends],
    aborting: ["aborted", "succeeded", "errored"],
    succeeded: ["rolled_back"],
    failed: ["rolled_back"],
    errored: ["rolled_back"],
    timed_out: ["rolled_back"],
    aborted: ["rolled_back"],
    rolled_back: [],
  };

  it.each(
    DEPLOYMENT_STATUSES.flatMap((from) => DEPLOYMENT_STATUSES.map((to) => [from, to] as const)),
  )("%s → %s", (from, to) => {
    expect(canTransition(from, to)).toBe(allowed[from].includes(to));
  });
});

describe(isActive.name, () => {
  it("splits all statuses into waiting, active and finished", () => {
    expect(DEPLOYMENT_STATUSES.filter(isActive)).toEqual([
      "queued",
      "running",
      "verifying",
      "paused",
      "aborting",
    ]);
    expect(
      DEPLOYMENT_STATUSES.filter((status) => !isActive(status) && !isFinished(status)),
    ).toEqual(["scheduled"]);
    expect(DEPLOYMENT_STATUSES.filter((s) => isActive(s) && isFinished(s))).toEqual([]);
  });
});

/** Steps from lines such as `1 auth deploy running`, the last word being a cause of a failed one. */
function steps(...lines: readonly string[]): readonly Step[] {
  return lines.map((text) => {
    const [wave, service, stage, status, cause] = text.split(" ");
    return {
      wave: Number(wave),
      service: service ?? "",
      stage: stage as Stage,
      status: status as Step["status"],
      cause: cause ?? null,
    };
  });
}

function names(list: readonly Step[]): readonly string[] {
  return list.map((step) => `${step.service} ${step.stage}`);
}

describe(planSteps.name, () => {
  it("gives each service its stages in the order they happen", () => {
    const plan = planSteps(
      [
        { number: 1, services: ["auth"] },
        { number: 2, services: ["api", "web"] },
      ],
      (service) =>
        service === "web" ? ["verify", "deploy"] : ["land", "deploy", "verify", "migrate"],
    );
    expect(plan.map((step) => `${step.wave} ${step.service} ${step.stage}`)).toEqual([
      "1 auth migrate",
      "1 auth deploy",
      "1 auth verify",
      "1 auth land",
      "2 api migrate",
      "2 api deploy",
      "2 api verify",
      "2 api land",
      "2 web deploy",
      "2 web verify",
    ]);
    expect(plan.every((step) => step.status === "pending" && step.cause === null)).toBe(true);
  });
});

describe(nextStep.name, () => {
  function next(
    list: readonly Step[],
    parts: { status?: DeploymentStatus; isCancelRequested?: boolean; parallel?: number } = {},
  ): readonly unknown[] {
    const move = nextStep({ status: "running", steps: list, isCancelRequested: false, ...parts });
    switch (move.kind) {
      case "start":
      case "settle":
        return [move.kind, move.status, names(move.steps)];
      case "wait":
        return [move.stop ? "stop" : "wait", move.status];
      case "finish":
        return [move.kind, move.status, names(move.skip)];
    }
  }

  it.each<[string, readonly Step[], readonly unknown[]]>([
    [
      "starts the first stages of the first wave together",
      steps(
        "1 a migrate pending",
        "1 a deploy pending",
        "1 b deploy pending",
        "2 c deploy pending",
      ),
      ["start", "running", ["a migrate", "b deploy"]],
    ],
    [
      "goes on with one service while another is busy",
      steps("1 a deploy succeeded", "1 a verify pending", "1 b deploy running"),
      ["start", "running", ["a verify"]],
    ],
    [
      "waits for the wave before the next",
      steps("1 a deploy succeeded", "1 a verify running", "2 b deploy pending"),
      ["wait", "running"],
    ],
    [
      "starts the next wave when the one before is through",
      steps("1 a deploy succeeded", "1 a verify succeeded", "2 b deploy pending"),
      ["start", "running", ["b deploy"]],
    ],
    [
      "takes a skipped step for done",
      steps("1 a deploy skipped", "1 a verify pending"),
      ["start", "verifying", ["a verify"]],
    ],
    [
      "is verifying when only that is left",
      steps(
        "1 a deploy succeeded",
        "1 a verify succeeded",
        "2 b deploy succeeded",
        "2 b verify running",
      ),
      ["wait", "verifying"],
    ],
    [
      "lands when everything is verified, all together",
      steps("1 a verify succeeded", "1 a land pending", "2 b verify succeeded", "2 b land pending"),
      ["start", "verifying", ["a land", "b land"]],
    ],
    [
      "does not land before the last wave is verified",
      steps("1 a verify succeeded", "1 a land pending", "2 b verify running", "2 b land pending"),
      ["wait", "verifying"],
    ],
    ["waits for landing", steps("1 a verify succeeded", "1 a land running"), ["wait", "verifying"]],
    [
      "succeeds when nothing is left",
      steps("1 a deploy succeeded", "1 a verify succeeded", "1 a land succeeded"),
      ["finish", "succeeded", []],
    ],
    ["succeeds when there was nothing to do", [], ["finish", "succeeded", []]],
    [
      "stops later waves after a failure",
      steps(
        "1 a deploy failed crash",
        "1 a verify pending",
        "2 b deploy pending",
        "2 b land pending",
      ),
      ["finish", "failed", ["a verify", "b deploy", "b land"]],
    ],
    [
      "waits for the others of the wave after a failure",
      steps("1 a deploy failed crash", "1 b deploy running", "2 c deploy pending"),
      ["wait", "running"],
    ],
    [
      "verifies what was deployed although another one failed",
      steps("1 a deploy failed crash", "1 b deploy succeeded", "1 b verify pending"),
      ["start", "verifying", ["b verify"]],
    ],
    [
      "begins no new effect after a failure",
      steps(
        "1 a deploy failed crash",
        "1 b migrate succeeded",
        "1 b deploy pending",
        "1 b verify pending",
      ),
      ["finish", "failed", ["b deploy", "b verify"]],
    ],
    [
      "lands the others although one could not",
      steps("1 a verify succeeded", "1 a land failed unknown", "1 b land pending"),
      ["start", "verifying", ["b land"]],
    ],
    [
      "succeeds although a branch could not be landed on",
      steps("1 a verify succeeded", "1 a land failed unknown", "1 b land succeeded"),
      ["finish", "succeeded", []],
    ],
    [
      "says that time was up",
      steps("1 a verify failed timeout", `1 b deploy failed ${CAUSE_INTERNAL}`),
      ["finish", "timed_out", []],
    ],
    [
      "says that we broke",
      steps(`1 a deploy failed ${CAUSE_INTERNAL}`, "2 b deploy pending"),
      ["finish", "errored", ["b deploy"]],
    ],
    [
      "says first what the target said",
      steps("1 a verify failed timeout", "1 b deploy failed image_pull"),
      ["finish", "failed", []],
    ],
    [
      "settles what nobody knows before anything else",
      steps("1 a deploy unknown", "1 b deploy pending"),
      ["settle", "running", ["a deploy"]],
    ],
  ])("%s", (_, list, expected) => {
    expect(next(list)).toEqual(expected);
  });

  it.each<[string, readonly Step[], readonly unknown[]]>([
    ["stops what runs", steps("1 a deploy running", "2 b deploy pending"), ["stop", "aborting"]],
    [
      "starts nothing more",
      steps("1 a deploy succeeded", "1 a verify pending", "2 b deploy pending"),
      ["finish", "aborted", ["a verify", "b deploy"]],
    ],
    [
      "settles first what nobody knows",
      steps("1 a deploy unknown"),
      ["settle", "aborting", ["a deploy"]],
    ],
    [
      "is aborted when stopping it made a step fail",
      steps("1 a deploy failed crash"),
      ["finish", "aborted", []],
    ],
    ["comes too late when all is done", steps("1 a deploy succeeded"), ["finish", "succeeded", []]],
  ])("after a cancel %s", (_, list, expected) => {
    expect(next(list, { isCancelRequested: true })).toEqual(expected);
    expect(next(list, { status: "aborting" })).toEqual(expected);
  });

  it("starts no more than may run together", () => {
    const list = steps("1 a deploy running", "1 b deploy pending", "1 c deploy pending");
    expect(next(list, { parallel: 2 })).toEqual(["start", "running", ["b deploy"]]);
    expect(next(list, { parallel: 1 })).toEqual(["wait", "running"]);
  });

  it("starts nothing while paused", () => {
    expect(next(steps("1 a deploy pending"), { status: "paused" })).toEqual(["wait", "paused"]);
  });

  /** A deployment of some services, and what each effect comes to. */
  const run = fc.record({
    services: fc.array(
      fc.record({
        wave: fc.integer({ min: 1, max: 4 }),
        stages: fc.subarray([...STAGES], { minLength: 1 }),
        fails: fc.option(fc.constantFrom(...STAGES), { freq: 6 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    parallel: fc.integer({ min: 1, max: 3 }),
    cancelAfter: fc.option(fc.nat(20), { freq: 2 }),
    crashAt: fc.array(fc.nat(20), { maxLength: 2 }),
    pick: fc.infiniteStream(fc.nat(100)),
  });

  it("reaches an end from anywhere, keeps the order, and only makes allowed transitions", () => {
    fc.assert(
      fc.property(run, ({ services, parallel, cancelAfter, crashAt, pick }) => {
        let status: DeploymentStatus = "running";
        let list: Step[] = services.flatMap(({ wave, stages }, index) =>
          planSteps([{ number: wave, services: [`s${index}`] }], () => stages),
        );
        const set = (step: Step, to: Step["status"], cause: string | null = null): void => {
          list = list.map((s) =>
            s.service === step.service && s.stage === step.stage ? { ...s, status: to, cause } : s,
          );
        };
        for (let round = 0; !isFinished(status); round += 1) {
          expect(round).toBeLessThan(200);
          if (crashAt.includes(round)) {
            list = list.map((s) => (s.status === "running" ? { ...s, status: "unknown" } : s));
          }
          const isCancelRequested = cancelAfter !== null && round >= cancelAfter;
          const move: NextMove<Step> = nextStep({
            status,
            steps: list,
            isCancelRequested,
            parallel,
          });
          expect(move.status === status || canTransition(status, move.status)).toBe(true);
          ({ status } = move);
          const running = list.filter((s) => s.status === "running");
          switch (move.kind) {
            case "settle":
              move.steps.forEach((step) => set(step, "pending"));
              break;
            case "start":
              expect(isCancelRequested).toBe(false);
              expect(move.steps.length).toBeGreaterThan(0);
              expect(running.length + move.steps.length).toBeLessThanOrEqual(parallel);
              for (const step of move.steps) {
                expectInOrder(step, list);
                set(step, "running");
              }
              break;
            case "wait": {
              const step = running[(pick.next().value ?? 0) % running.length];
              expect(step).toBeDefined();
              if (step) {
                const fails = services[Number(step.service.slice(1))]?.fails === step.stage;
                set(step, fails ? "failed" : "succeeded", fails ? "crash" : null);
              }
              break;
            }
            case "finish":
              expect(running).toEqual([]);
              move.skip.forEach((step) => set(step, "skipped"));
              expect(list.every((s) => ["succeeded", "failed", "skipped"].includes(s.status))).toBe(
                true,
              );
              expect(status === "succeeded").toBe(
                list.every(
                  (s) => s.status === "succeeded" || (s.stage === "land" && s.status === "failed"),
                ),
              );
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

function expectInOrder(step: Step, list: readonly Step[]): void {
  const done = (s: Step): boolean => s.status === "succeeded";
  const before = list.filter(
    (s) => s.service === step.service && STAGES.indexOf(s.stage) < STAGES.indexOf(step.stage),
  );
  expect(before.every(done)).toBe(true);
  const effects = list.filter((s) => s.stage !== "land");
  expect(effects.filter((s) => step.stage === "land" || s.wave < step.wave).every(done)).toBe(true);
}

function version(name: string, parts: Partial<ServiceVersion> = {}): ServiceVersion {
  return { version: name, commit: `commit-${name}`, digest: null, ...parts };
}

describe(isSameVersion.name, () => {
  it.each<[string, Partial<ServiceVersion>, Partial<ServiceVersion>, boolean]>([
    [
      "the same digest under another name",
      { version: "1", digest: "d" },
      { version: "2", digest: "d" },
      true,
    ],
    ["another digest of the same version", { digest: "d" }, { digest: "e" }, false],
    ["the same commit, one digest unknown", { version: "1", digest: "d" }, { version: "2" }, true],
    ["another commit of the same version", { commit: "x" }, { commit: "y" }, false],
    ["the same version, no more known", { commit: null }, { commit: null }, true],
    [
      "another version, no more known",
      { version: "1", commit: null },
      { version: "2", commit: null },
      false,
    ],
  ])("compares %s", (_, a, b, expected) => {
    const base = { version: "1", commit: "c", digest: null };
    expect(isSameVersion({ ...base, ...a }, { ...base, ...b })).toBe(expected);
  });

  it("does not take two unknowns for the same", () => {
    const unknown = { version: null, commit: null, digest: null };
    expect(isSameVersion(unknown, unknown)).toBe(false);
  });
});

describe(settle.name, () => {
  function observed(parts: Partial<ObservedState>): ObservedState {
    return {
      service: "auth",
      ...version("2"),
      health: "healthy",
      cause: null,
      detail: null,
      log: [],
      observedAt: new Date(0),
      ...parts,
    };
  }
  const old = version("1");
  const absent = { version: null, commit: null, health: "absent" } as const;

  it.each<[Stage, string, Partial<ObservedState>, object]>([
    ["deploy", "the new version, healthy", {}, { outcome: "succeeded" }],
    ["deploy", "the new version, health unknown", { health: "unknown" }, { outcome: "succeeded" }],
    ["deploy", "the new version, starting", { health: "progressing" }, { outcome: "progressing" }],
    [
      "deploy",
      "the new version, broken",
      { health: "unhealthy", cause: "crash", detail: "exit code 1" },
      { outcome: "failed", cause: "crash", detail: "exit code 1" },
    ],
    ["deploy", "the old version", old, { outcome: "not_applied" }],
    [
      "deploy",
      "the old version, broken",
      { ...old, health: "unhealthy" },
      { outcome: "not_applied" },
    ],
    ["deploy", "something going on", { ...old, health: "progressing" }, { outcome: "progressing" }],
    ["deploy", "nothing", absent, { outcome: "not_applied" }],
    ["verify", "the new version, healthy", {}, { outcome: "succeeded" }],
    [
      "verify",
      "the new version, health unknown",
      { health: "unknown" },
      { outcome: "progressing" },
    ],
    ["verify", "the new version, starting", { health: "progressing" }, { outcome: "progressing" }],
    [
      "verify",
      "the new version, broken",
      { health: "unhealthy" },
      { outcome: "failed", cause: "unknown", detail: "auth is unhealthy." },
    ],
    [
      "verify",
      "another version",
      old,
      { outcome: "failed", cause: "superseded", detail: "auth runs 1 instead of 2." },
    ],
    [
      "verify",
      "nothing",
      absent,
      { outcome: "failed", cause: "unknown", detail: "auth is not running." },
    ],
    ["merge", "anything", old, { outcome: "not_applied" }],
    ["land", "anything", old, { outcome: "not_applied" }],
    ["migrate", "anything", old, { outcome: "undecidable" }],
  ])("settles %s when the target shows %s", (stage, _, state, expected) => {
    expect(settle(stage, version("2"), observed(state))).toMatchObject(expected);
  });

  it.each<[string, Date | null, string]>([
    ["since the step began", new Date(2_000), "failed"],
    ["in the very moment it began", new Date(3_000), "failed"],
    ["before the step began", new Date(4_000), "not_applied"],
    ["and nobody knows when the step began", null, "not_applied"],
  ])("takes a change the target took back %s for this one or not", (_when, startedAt, outcome) => {
    const turnedBack = { at: new Date(3_000), cause: "crash", detail: "exit code 7" } as const;
    const settled = settle("deploy", version("2"), observed({ ...old, turnedBack }), startedAt);
    expect(settled.outcome).toBe(outcome);
    if (settled.outcome === "failed") {
      expect(settled).toMatchObject({ cause: "crash", detail: "exit code 7" });
    }
  });
});

describe(rollbackPlan.name, () => {
  /** `entry(3, "succeeded", { auth: "1.1" })`; a version ending in `!` was not applied. */
  function entry(
    number: number,
    status: DeploymentStatus,
    services: Record<string, string>,
    parts: { rollbackOf?: number; migrated?: readonly string[] } = {},
  ): HistoryEntry {
    return {
      number,
      status,
      rollbackOf: parts.rollbackOf ?? null,
      services: Object.entries(services).map(([service, name]) => ({
        service,
        ...version(name.replace("!", "")),
        isApplied: !name.endsWith("!"),
        hasIrreversibleMigration: parts.migrated?.includes(service) ?? false,
      })),
    };
  }

  const baseline = entry(1, "succeeded", { auth: "1.0", api: "1.0" });
  const bump = entry(2, "succeeded", { auth: "2.0", api: "2.0" });
  const waves = [
    { number: 1, services: ["auth"] },
    { number: 2, services: ["api"] },
  ];

  function plan(
    history: readonly HistoryEntry[],
    current: Record<string, string>,
    parts: Partial<RollbackRequest> = {},
  ): ReturnType<typeof rollbackPlan> {
    return rollbackPlan({
      environment: "prod",
      history,
      current: new Map(Object.entries(current).map(([service, name]) => [service, version(name)])),
      to: null,
      services: null,
      waves,
      isAutomatic: false,
      ...parts,
    });
  }

  function changes(result: ReturnType<typeof rollbackPlan>): Record<string, string> | string {
    return result.ok
      ? Object.fromEntries(result.changes.map((c) => [c.service, c.to.version]))
      : result.code;
  }

  it("goes back to the success before, dependents first", () => {
    const result = plan([bump, baseline], { auth: "2.0", api: "2.0" });
    expect(result).toMatchObject({
      ok: true,
      of: 2,
      to: 1,
      waves: [
        { number: 1, services: ["api"] },
        { number: 2, services: ["auth"] },
      ],
      impossible: [],
      warnings: [],
    });
    expect(changes(result)).toEqual({ auth: "1.0", api: "1.0" });
  });

  it.each<
    [
      string,
      HistoryEntry[],
      Record<string, string>,
      Partial<RollbackRequest>,
      Record<string, string> | string,
    ]
  >([
    [
      "takes back a failure",
      [baseline, entry(2, "failed", { auth: "2.0", api: "2.0!" })],
      { auth: "2.0", api: "1.0" },
      {},
      { auth: "1.0" },
    ],
    [
      "takes back several failures at once",
      [baseline, entry(2, "failed", { auth: "2.0" }), entry(3, "timed_out", { api: "2.0" })],
      { auth: "2.0", api: "2.0" },
      {},
      { auth: "1.0", api: "1.0" },
    ],
    [
      "only touches what changed since",
      [baseline, entry(2, "succeeded", { auth: "2.0" }), entry(3, "succeeded", { api: "2.0" })],
      { auth: "2.0", api: "2.0" },
      {},
      { api: "1.0" },
    ],
    [
      "restores what ran at an earlier success, though older deployments brought it",
      [
        baseline,
        entry(2, "succeeded", { auth: "2.0" }),
        entry(3, "succeeded", { auth: "3.0", api: "3.0" }),
      ],
      { auth: "3.0", api: "3.0" },
      { to: 2 },
      { auth: "2.0", api: "1.0" },
    ],
    [
      "only the named services",
      [baseline, bump],
      { auth: "2.0", api: "2.0" },
      { services: ["api"] },
      { api: "1.0" },
    ],
    [
      "brings back what no longer runs",
      [baseline, bump],
      { api: "2.0" },
      {},
      { auth: "1.0", api: "1.0" },
    ],
    [
      "leaves alone what is back already",
      [baseline, bump],
      { auth: "1.0", api: "2.0" },
      {},
      { api: "1.0" },
    ],
    [
      "ignores deployments that began nothing",
      [baseline, bump, entry(3, "errored", {})],
      { auth: "2.0", api: "2.0" },
      {},
      { auth: "1.0", api: "1.0" },
    ],
    [
      "ignores one that still runs",
      [baseline, bump, entry(3, "running", { auth: "3.0" })],
      { auth: "2.0", api: "2.0" },
      {},
      { auth: "1.0", api: "1.0" },
    ],
    [
      "mends a drifted environment to its newest success",
      [baseline, bump],
      { auth: "9.9", api: "2.0" },
      { to: 2 },
      { auth: "2.0" },
    ],
    [
      "goes back to what a rollback restored",
      [
        baseline,
        entry(2, "rolled_back", { auth: "2.0" }),
        entry(3, "succeeded", { auth: "1.0" }, { rollbackOf: 2 }),
        entry(4, "failed", { auth: "4.0" }),
      ],
      { auth: "4.0" },
      {},
      { auth: "1.0" },
    ],
    ["refuses without any history", [], {}, {}, "rollback.nothing"],
    [
      "refuses without an earlier success",
      [entry(1, "failed", { auth: "1.0" })],
      { auth: "1.0" },
      {},
      "rollback.nothing",
    ],
    [
      "refuses when everything is back already",
      [baseline, bump],
      { auth: "1.0", api: "1.0" },
      {},
      "rollback.nothing",
    ],
    ["refuses an unknown deployment", [baseline, bump], {}, { to: 7 }, "deployment.not_found"],
    [
      "refuses to go back to a failure",
      [entry(1, "failed", { auth: "1.0" }), bump],
      {},
      { to: 1 },
      "rollback.not_a_success",
    ],
    [
      "refuses to roll back a rollback without being told where to",
      [
        baseline,
        entry(2, "rolled_back", { auth: "2.0" }),
        entry(3, "succeeded", { auth: "1.0" }, { rollbackOf: 2 }),
      ],
      { auth: "1.0" },
      {},
      "rollback.of_rollback",
    ],
    [
      "never rolls back a rollback by itself",
      [baseline, bump, entry(3, "failed", { auth: "1.0" }, { rollbackOf: 2 })],
      { auth: "1.0" },
      { isAutomatic: true, to: 1 },
      "rollback.of_rollback",
    ],
    [
      "rolls back a rollback for a person who says where to",
      [baseline, bump, entry(3, "succeeded", { auth: "1.0" }, { rollbackOf: 2 })],
      { auth: "1.0", api: "2.0" },
      { to: 2 },
      { auth: "2.0" },
    ],
    [
      "never goes behind a migration by itself",
      [baseline, entry(2, "failed", { auth: "2.0" }, { migrated: ["auth"] })],
      { auth: "2.0" },
      { isAutomatic: true },
      "rollback.migrated",
    ],
  ])("%s", (_, history, current, parts, expected) => {
    const result = plan(history, current, parts);
    expect(changes(result)).toEqual(expected);
    if (!result.ok) {
      expect(result.reason).not.toBe("");
      expect(result.remedy).not.toBe("");
    }
  });

  it("says which services did not exist before", () => {
    const result = plan([baseline, entry(2, "succeeded", { auth: "2.0", billing: "1.0" })], {
      auth: "2.0",
      billing: "1.0",
    });
    expect(changes(result)).toEqual({ auth: "1.0" });
    expect(result).toMatchObject({
      impossible: [{ service: "billing", reason: expect.stringContaining("did not run in prod") }],
    });
    const only = plan([baseline, entry(2, "succeeded", { billing: "1.0" })], { billing: "1.0" });
    expect(only).toMatchObject({
      ok: false,
      reason: expect.stringContaining("billing did not run"),
    });
  });

  it("warns a person about migrations, for the services concerned", () => {
    const history = [
      baseline,
      entry(2, "succeeded", { auth: "2.0", api: "2.0" }, { migrated: ["auth"] }),
    ];
    const current = { auth: "2.0", api: "2.0" };
    expect(plan(history, current)).toMatchObject({ warnings: [expect.stringContaining("auth")] });
    expect(plan(history, current, { services: ["api"] })).toMatchObject({ warnings: [] });
  });

  it("puts services nobody orders in a wave of their own", () => {
    const history = [
      entry(1, "succeeded", { zed: "1", auth: "1", api: "1" }),
      entry(2, "failed", { zed: "2", auth: "2", api: "2" }),
    ];
    expect(plan(history, { zed: "2", auth: "2", api: "2" })).toMatchObject({
      waves: [
        { number: 1, services: ["api"] },
        { number: 2, services: ["auth"] },
        { number: 3, services: ["zed"] },
      ],
    });
  });
});
