import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ApplyContext, DeployTarget, DesiredState } from "../core/ports/deploy-target.ts";
import { AppError } from "../errors/app-error.ts";

/** What the suite needs to bring a target into the situations it asks about. */
export interface DeployTargetHarness {
  readonly target: DeployTarget;
  /** The next apply of the service says no. */
  failApply(service: string): Promise<void> | void;
  /** The next apply of the service does not end by itself. Resolves once the hanging apply is under way. */
  hangApply(service: string): { readonly reached: Promise<void> };
  /** Nothing can be asked or changed any more. */
  unplug(): Promise<void> | void;
  /** Things that an apply started and that still live. */
  runningCount(): Promise<number> | number;
  close(): Promise<void> | void;
}

const COMMITS = {
  "1.0.0": "1".repeat(40),
  "1.1.0": "2".repeat(40),
  "2.0.0": "3".repeat(40),
} as const;

/** A state every target must be able to reach. */
export function desiredState(
  service: string,
  version: keyof typeof COMMITS,
  more: Partial<DesiredState> = {},
): DesiredState {
  return {
    service,
    environment: "prod",
    version,
    commit: COMMITS[version],
    digest: null,
    repositoryUrl: "https://git.example.com/acme/shop.git",
    repository: "shop",
    path: "",
    commits: { shop: COMMITS[version] },
    deployment: 1,
    fencingToken: 1,
    ...more,
  };
}

/** What every deploy target promises. Run it on the fake and on each real one, so that they cannot drift apart. */
export function deployTargetContract(
  name: string,
  setUp: () => Promise<DeployTargetHarness> | DeployTargetHarness,
): void {
  describe(`${name} as a deploy target`, () => {
    let harness: DeployTargetHarness;
    let target: DeployTarget;
    let log: string[];
    const calm = new AbortController().signal;
    const run = (signal = calm): ApplyContext => ({ log: (line) => log.push(line), signal });

    beforeEach(async () => {
      harness = await setUp();
      target = harness.target;
      log = [];
    });
    afterEach(() => harness.close());

    const versions = async (...services: string[]) =>
      (await target.observe(services, calm)).map(({ version }) => version);

    it("tells one state for each name asked, in that order, and absent for what does not run", async () => {
      await target.apply(desiredState("billing", "1.0.0"), run());
      const states = await target.observe(["auth", "billing", "api"], calm);
      expect(states.map(({ service, health, version }) => [service, health, version])).toEqual([
        ["auth", "absent", null],
        ["billing", "healthy", "1.0.0"],
        ["api", "absent", null],
      ]);
      expect(states[1]).toMatchObject({ commit: COMMITS["1.0.0"], cause: null, detail: null });
      expect(states[1]?.observedAt).toBeInstanceOf(Date);
      expect(await target.observe([], calm)).toEqual([]);
    });

    it("applies a state, and does nothing when it is already there", async () => {
      const desired = desiredState("billing", "1.0.0");
      expect(await target.apply(desired, run())).toEqual({ outcome: "applied" });
      expect(await target.apply(desired, run())).toEqual({ outcome: "unchanged" });
      expect(await target.apply({ ...desired, deployment: 2, fencingToken: 2 }, run())).toEqual({
        outcome: "unchanged",
      });
      expect(await versions("billing")).toEqual(["1.0.0"]);
    });

    it("asks once more right before it changes anything, and changes nothing when it may not", async () => {
      await target.apply(desiredState("billing", "1.0.0"), run());
      const applying = target.apply(desiredState("billing", "1.1.0", { fencingToken: 2 }), {
        ...run(),
        confirm: () => Promise.reject(new Error("another one has taken over")),
      });
      await expect(applying).rejects.toThrow("another one has taken over");
      expect(await versions("billing")).toEqual(["1.0.0"]);
    });

    it("goes back by applying the older state", async () => {
      await target.apply(desiredState("billing", "1.0.0"), run());
      await target.apply(desiredState("billing", "1.1.0", { fencingToken: 2 }), run());
      expect(await versions("billing")).toEqual(["1.1.0"]);
      await target.apply(desiredState("billing", "1.0.0", { fencingToken: 3 }), run());
      expect(await versions("billing")).toEqual(["1.0.0"]);
    });

    it("plans what an apply would change, in the order asked, and changes nothing", async () => {
      await target.apply(desiredState("billing", "1.0.0"), run());
      await target.apply(desiredState("auth", "1.0.0"), run());
      const plan = await target.plan(
        [
          desiredState("billing", "1.1.0"),
          desiredState("api", "1.0.0"),
          desiredState("auth", "1.0.0"),
        ],
        calm,
      );
      expect(plan).toEqual([
        { service: "billing", from: "1.0.0", to: "1.1.0", change: "update" },
        { service: "api", from: null, to: "1.0.0", change: "create" },
        { service: "auth", from: "1.0.0", to: "1.0.0", change: "none" },
      ]);
      expect(await versions("billing", "api")).toEqual(["1.0.0", null]);
    });

    it("keeps services apart when several are applied at once", async () => {
      const services = ["auth", "billing", "api", "user"];
      const results = await Promise.all(
        services.map((service, index) =>
          target.apply(desiredState(service, index % 2 === 0 ? "1.0.0" : "2.0.0"), run()),
        ),
      );
      expect(results.every(({ outcome }) => outcome === "applied")).toBe(true);
      expect(await versions(...services)).toEqual(["1.0.0", "2.0.0", "1.0.0", "2.0.0"]);
    });

    it("says no with a cause and a sentence, and leaves what ran before", async () => {
      await target.apply(desiredState("billing", "1.0.0"), run());
      await harness.failApply("billing");
      const result = await target.apply(desiredState("billing", "1.1.0"), run());
      expect(result).toMatchObject({
        outcome: "failed",
        cause: expect.stringMatching(/^[a-z_]+$/) as unknown,
        detail: expect.stringMatching(/billing/) as unknown,
      });
      expect(await versions("billing")).toEqual(["1.0.0"]);
      expect(await target.apply(desiredState("billing", "1.1.0"), run())).toEqual({
        outcome: "applied",
      });
    });

    it("logs line by line, without control characters", async () => {
      await target.apply(desiredState("billing", "1.0.0"), run());
      expect(log.length).toBeGreaterThan(0);
      expect(log.filter((line) => /\p{Cc}/u.test(line))).toEqual([]);
    });

    it("starts nothing when it is already aborted", async () => {
      const aborted = AbortSignal.abort(new Error("cancelled by olivia"));
      await expect(target.apply(desiredState("billing", "1.0.0"), run(aborted))).rejects.toThrow(
        "cancelled by olivia",
      );
      expect(await versions("billing")).toEqual([null]);
    });

    it("ends everything an apply started before the aborted apply settles", async () => {
      const cancel = new AbortController();
      const hanging = harness.hangApply("billing");
      const applying = target.apply(desiredState("billing", "1.0.0"), run(cancel.signal));
      await Promise.race([hanging.reached, applying]);
      cancel.abort(new Error("cancelled by olivia"));
      await expect(applying).rejects.toThrow("cancelled by olivia");
      expect(await harness.runningCount()).toBe(0);
      expect(await versions("billing")).toEqual([null]);
    });

    it("tells being out of reach from saying no", async () => {
      await harness.unplug();
      const attempts = [
        target.observe(["billing"], calm),
        target.plan([desiredState("billing", "1.0.0")], calm),
        target.apply(desiredState("billing", "1.0.0"), run()),
      ];
      for (const attempt of await Promise.allSettled(attempts)) {
        expect(attempt.status).toBe("rejected");
        const error = attempt.status === "rejected" ? (attempt.reason as unknown) : undefined;
        expect(error).toBeInstanceOf(AppError);
        expect(["upstream", "timeout"]).toContain((error as AppError).kind);
      }
    });

    it("restarts without changing the version, where it can", async () => {
      if (!target.restart) {
        return;
      }
      await target.apply(desiredState("billing", "1.0.0"), run());
      expect(await target.restart("billing", run())).toEqual({ outcome: "applied" });
      expect(await versions("billing")).toEqual(["1.0.0"]);
    });

    it("migrates without changing the version, where it can", async () => {
      if (!target.migrate) {
        return;
      }
      await target.apply(desiredState("billing", "1.0.0"), run());
      expect(await target.migrate(desiredState("billing", "1.1.0"), run())).toEqual({
        outcome: "applied",
      });
      expect(await versions("billing")).toEqual(["1.0.0"]);
    });
  });
}
