import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEPLOYMENT_STATUSES } from "../contract/deployment.ts";
import { RELEASE_STATUSES, type ReleaseStatus } from "../contract/release.ts";
import {
  canTransition,
  fingerprint,
  fingerprintText,
  isClosed,
  statusAfter,
  type ContentItem,
  type ReleaseFacts,
} from "./release.ts";
import { buildItem } from "./testing/build-facts.ts";

const quiet: ReleaseFacts = {
  isCancelled: false,
  isRejected: false,
  isApproved: false,
  isFullyDeployed: false,
  attempt: null,
};
const signed = { ...quiet, isApproved: true };

function attempt(
  status: NonNullable<ReleaseFacts["attempt"]>["status"],
  parts: Partial<NonNullable<ReleaseFacts["attempt"]>> = {},
): { readonly attempt: NonNullable<ReleaseFacts["attempt"]> } {
  return { attempt: { status, isRollback: false, isSameContent: true, ...parts } };
}

describe(statusAfter.name, () => {
  const cases: [string, ReleaseStatus, ReleaseFacts, ReleaseStatus][] = [
    ["waits for signatures", "pending", quiet, "pending"],
    ["is approved by the last signature", "pending", signed, "approved"],
    ["goes back when approval is lost", "approved", quiet, "pending"],
    [
      "is deploying while a deployment is queued",
      "approved",
      { ...signed, ...attempt("queued") },
      "deploying",
    ],
    [
      "is deploying while a deployment stops",
      "deploying",
      { ...signed, ...attempt("aborting") },
      "deploying",
    ],
    [
      "is not deploying because of a scheduled one",
      "approved",
      { ...signed, ...attempt("scheduled") },
      "approved",
    ],
    [
      "stays deploying when approval is lost meanwhile",
      "deploying",
      { ...quiet, ...attempt("running") },
      "deploying",
    ],
    [
      "is deployed when every item is",
      "deploying",
      { ...signed, isFullyDeployed: true, ...attempt("succeeded") },
      "deployed",
    ],
    [
      "is approved again after a partial deploy",
      "deploying",
      { ...signed, ...attempt("succeeded") },
      "approved",
    ],
    [
      "is pending after a partial deploy that outlived its approval",
      "deploying",
      { ...quiet, ...attempt("succeeded") },
      "pending",
    ],
    [
      "is failed when the target said no",
      "deploying",
      { ...signed, ...attempt("failed") },
      "failed",
    ],
    ["is failed when we broke", "deploying", { ...signed, ...attempt("errored") }, "failed"],
    [
      "is failed when it took too long",
      "deploying",
      { ...signed, ...attempt("timed_out") },
      "failed",
    ],
    [
      "is failed when everything runs but landing failed",
      "deploying",
      { ...signed, isFullyDeployed: true, ...attempt("failed") },
      "failed",
    ],
    [
      "stays failed while signatures stand",
      "failed",
      { ...signed, ...attempt("failed") },
      "failed",
    ],
    [
      "loses its failure with its approval",
      "failed",
      { ...quiet, ...attempt("failed") },
      "pending",
    ],
    [
      "is approved when signed again after a failure",
      "pending",
      { ...signed, ...attempt("failed") },
      "approved",
    ],
    [
      "is approved when new content carried its signatures over a failure",
      "failed",
      { ...signed, ...attempt("failed", { isSameContent: false }) },
      "approved",
    ],
    [
      "may be deployed again after a cancel",
      "deploying",
      { ...signed, ...attempt("aborted") },
      "approved",
    ],
    [
      "is rolled back by its rollback",
      "deployed",
      { ...signed, ...attempt("succeeded", { isRollback: true }) },
      "rolled_back",
    ],
    [
      "is rolled back when its attempt was taken back",
      "deploying",
      { ...signed, ...attempt("rolled_back") },
      "rolled_back",
    ],
    [
      "stays rolled back for the same content",
      "rolled_back",
      { ...quiet, ...attempt("rolled_back") },
      "rolled_back",
    ],
    [
      "starts again with new content after a rollback",
      "rolled_back",
      { ...quiet, ...attempt("rolled_back", { isSameContent: false }) },
      "pending",
    ],
    [
      "is failed when its rollback failed",
      "deploying",
      { ...signed, ...attempt("failed", { isRollback: true }) },
      "failed",
    ],
    ["is rejected", "approved", { ...signed, isRejected: true }, "rejected"],
    ["is pending when a rejection is lifted", "rejected", quiet, "pending"],
    ["is approved when a rejection of a signed release is lifted", "rejected", signed, "approved"],
    [
      "is deploying although rejected, until that ends",
      "deploying",
      { ...signed, isRejected: true, ...attempt("running") },
      "deploying",
    ],
    ["is closed", "approved", { ...signed, isCancelled: true }, "cancelled"],
    [
      "is closed for ever",
      "cancelled",
      { ...signed, isCancelled: true, ...attempt("running") },
      "cancelled",
    ],
    [
      "stays deployed when a signature is revoked later",
      "deployed",
      { ...quiet, isFullyDeployed: true },
      "deployed",
    ],
    [
      "is deployed when the only item left out is excluded",
      "pending",
      { ...quiet, isFullyDeployed: true },
      "deployed",
    ],
  ];

  it.each(cases)("%s", (_, from, facts, expected) => {
    expect(statusAfter(from, facts)).toBe(expected);
  });

  const anyFacts: fc.Arbitrary<ReleaseFacts> = fc.record({
    isCancelled: fc.boolean(),
    isRejected: fc.boolean(),
    isApproved: fc.boolean(),
    isFullyDeployed: fc.boolean(),
    attempt: fc.option(
      fc.record({
        status: fc.constantFrom(...DEPLOYMENT_STATUSES),
        isRollback: fc.boolean(),
        isSameContent: fc.boolean(),
      }),
    ),
  });

  it("changes nothing when asked again, and only makes allowed transitions", () => {
    fc.assert(
      fc.property(fc.constantFrom(...RELEASE_STATUSES), anyFacts, (from, facts) => {
        const to = statusAfter(from, facts);
        expect(statusAfter(to, facts)).toBe(to);
        expect(from === to || canTransition(from, to)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("never calls a release approved, failed or deploying that nobody approved and nothing deploys", () => {
    fc.assert(
      fc.property(fc.constantFrom(...RELEASE_STATUSES), anyFacts, (from, facts) => {
        const to = statusAfter(from, { ...facts, isApproved: false, attempt: null });
        expect(["pending", "deployed", "rejected", "cancelled"]).toContain(to);
      }),
    );
  });
});

describe(canTransition.name, () => {
  const allowed: Record<ReleaseStatus, readonly ReleaseStatus[]> = {
    pending: ["approved", "deploying", "deployed", "rolled_back", "rejected", "cancelled"],
    approved: ["pending", "deploying", "deployed", "rolled_back", "rejected", "cancelled"],
    deploying: [
      "pending",
      "approved",
      "deployed",
      "failed",
      "rolled_back",
      "rejected",
      "cancelled",
    ],
    deployed: ["deploying", "rolled_back", "rejected", "cancelled"],
    failed: [
      "pending",
      "approved",
      "deploying",
      "deployed",
      "rolled_back",
      "rejected",
      "cancelled",
    ],
    rolled_back: [
      "pending",
      "approved",
      "deploying",
      "deployed",
      "failed",
      "rejected",
      "cancelled",
    ],
    rejected: ["pending", "approved", "deploying", "deployed", "rolled_back", "cancelled"],
    cancelled: [],
  };

  it.each(RELEASE_STATUSES.flatMap((from) => RELEASE_STATUSES.map((to) => [from, to] as const)))(
    "%s → %s",
    (from, to) => {
      expect(canTransition(from, to)).toBe(allowed[from].includes(to));
    },
  );
});

describe(isClosed.name, () => {
  it("is true of what went out and what was given up", () => {
    expect(RELEASE_STATUSES.filter(isClosed)).toEqual(["deployed", "cancelled"]);
  });
});

describe(fingerprint.name, () => {
  function sha256(text: string): string {
    return createHash("sha256").update(text).digest("hex");
  }
  const text = fc.string({ maxLength: 6 });
  const content: fc.Arbitrary<ContentItem> = fc.record({
    service: text,
    repository: text,
    path: text,
    headSha: fc.option(text),
    version: fc.option(text),
    digest: fc.option(text),
    patchIdentity: fc.option(text),
    isExcluded: fc.boolean(),
  });

  it("says which version of the rule made it", () => {
    expect(fingerprint([buildItem()], sha256)).toMatch(/^f1:[0-9a-f]{64}$/);
  });

  it("ignores order, excluded items and patch identities", () => {
    fc.assert(
      fc.property(
        fc
          .array(content)
          .chain((items) =>
            fc.tuple(
              fc.constant(items),
              fc.shuffledSubarray(items, { minLength: items.length }),
              fc.array(content),
            ),
          ),
        ([items, shuffled, others]) => {
          const same = [
            ...others.map((item) => ({ ...item, isExcluded: true })),
            ...shuffled.map((item) => ({ ...item, patchIdentity: "other" })),
          ];
          expect(fingerprintText(same)).toBe(fingerprintText(items));
        },
      ),
    );
  });

  it.each<[string, Partial<ContentItem>]>([
    ["service", { service: "other" }],
    ["repository", { repository: "other" }],
    ["path", { path: "other" }],
    ["commit", { headSha: "other" }],
    ["version", { version: "other" }],
    ["digest", { digest: "other" }],
    ["exclusion", { isExcluded: true }],
  ])("changes with the %s", (_, parts) => {
    expect(fingerprint([buildItem(parts)], sha256)).not.toBe(fingerprint([buildItem()], sha256));
  });

  it("cannot be forged by moving text between fields", () => {
    fc.assert(
      fc.property(content, content, (a, b) => {
        const same = (
          ["service", "repository", "path", "headSha", "version", "digest"] as const
        ).every((key) => a[key] === b[key]);
        const one = fingerprintText([{ ...a, isExcluded: false }]);
        const two = fingerprintText([{ ...b, isExcluded: false }]);
        expect(one === two).toBe(same);
      }),
    );
  });
});
