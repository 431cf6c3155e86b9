import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReleaseStatus } from "../contract/release.ts";
import {
  checkSignOff,
  contentDelta,
  DEFAULT_SIGN_OFF_POLICY,
  findUnsatisfiable,
  judgeSignOffs,
  NO_SIGN_OFF_POLICY,
  type Person,
  type SignOff,
  type SignOffPolicy,
} from "./sign-off.ts";
import type { ContentItem } from "./release.ts";
import {
  buildItem,
  buildSignOff,
  buildSignOffFacts,
  dana,
  minute,
  olivia,
  quinn,
  robin,
} from "./testing/build-facts.ts";

const byDana = buildSignOff();
const byQuinn = buildSignOff({ signer: quinn, role: "qa", signedAt: minute(2) });

function policy(parts: Partial<SignOffPolicy>): SignOffPolicy {
  return { ...DEFAULT_SIGN_OFF_POLICY, ...parts };
}

/** State of each signature by id. */
function states(facts: Parameters<typeof judgeSignOffs>[0]): Record<string, string> {
  return Object.fromEntries(
    judgeSignOffs(facts).signOffs.map(({ signOff, judgement }) => [signOff.id, judgement.state]),
  );
}

describe(judgeSignOffs.name, () => {
  it("approves when each role has its signature", () => {
    const result = judgeSignOffs(buildSignOffFacts({ signOffs: [byQuinn, byDana] }));
    expect(result.isApproved).toBe(true);
    expect(result.roles).toEqual([
      { role: "dev", needed: 1, have: 1, missing: 0, by: [dana] },
      { role: "qa", needed: 1, have: 1, missing: 0, by: [quinn] },
    ]);
  });

  it("says what is missing", () => {
    const result = judgeSignOffs(buildSignOffFacts({ signOffs: [byDana] }));
    expect(result.isApproved).toBe(false);
    expect(result.roles.map((role) => [role.role, role.missing])).toEqual([
      ["dev", 0],
      ["qa", 1],
    ]);
  });

  it("approves by itself where nobody has to sign, but never an empty release", () => {
    const facts = buildSignOffFacts({ policy: NO_SIGN_OFF_POLICY });
    expect(judgeSignOffs(facts).isApproved).toBe(true);
    expect(judgeSignOffs({ ...facts, items: [] }).isApproved).toBe(false);
    expect(judgeSignOffs({ ...facts, items: [buildItem({ isExcluded: true })] }).isApproved).toBe(
      false,
    );
  });

  it.each<[string, ContentItem[], object]>([
    [
      "a new commit",
      [buildItem({ headSha: "head-2", patchIdentity: "patch-2" })],
      { service: "auth-service", change: "changed", from: "head-1", to: "head-2" },
    ],
    [
      "an item that came in",
      [buildItem(), buildItem({ service: "billing" })],
      { service: "billing", change: "added", from: null, to: "head-1" },
    ],
    [
      "an item that was excluded",
      [buildItem({ isExcluded: true }), buildItem({ service: "billing" })],
      { service: "auth-service", change: "removed", from: "head-1", to: null },
    ],
    [
      "another digest of the same version",
      [buildItem({ digest: "sha256:2" })],
      { service: "auth-service", change: "changed" },
    ],
    [
      "a commit whose diff nobody knows",
      [buildItem({ headSha: "head-2", patchIdentity: null })],
      { service: "auth-service", change: "changed" },
    ],
  ])("makes a signature stale by %s, with the delta", (_, items, delta) => {
    const [judged] = judgeSignOffs(buildSignOffFacts({ signOffs: [byDana], items })).signOffs;
    expect(judged?.judgement).toMatchObject({
      state: "stale",
      delta: expect.arrayContaining([expect.objectContaining(delta)]),
    });
  });

  it("keeps a signature over a rebase with the same patch, unless the policy says never", () => {
    const facts = buildSignOffFacts({
      signOffs: [byDana],
      items: [buildItem({ headSha: "head-2" })],
    });
    expect(judgeSignOffs(facts).signOffs[0]?.judgement).toEqual({
      state: "counts",
      carriedOver: ["auth-service"],
    });
    expect(states({ ...facts, policy: policy({ carryOver: "never" }) })).toEqual({
      "Dana-dev": "stale",
    });
  });

  it("takes a patch identity of null for no identity, not for the same one", () => {
    const signOffs = [buildSignOff({ content: [buildItem({ patchIdentity: null })] })];
    const items = [buildItem({ headSha: "head-2", patchIdentity: null })];
    expect(states(buildSignOffFacts({ signOffs, items }))).toEqual({ "Dana-dev": "stale" });
  });

  it("does not count a revoked signature, nor an older one of the same person and role", () => {
    const older = buildSignOff({ id: "older" });
    const newer = buildSignOff({ id: "newer", signedAt: minute(5), revokedAt: minute(6) });
    expect(states(buildSignOffFacts({ signOffs: [older, newer] }))).toEqual({
      older: "revoked",
      newer: "revoked",
    });
  });

  it("counts a signature given again after revoking", () => {
    const revoked = buildSignOff({ id: "revoked", revokedAt: minute(2) });
    const again = buildSignOff({ id: "again", signedAt: minute(3) });
    expect(states(buildSignOffFacts({ signOffs: [again, revoked] }))).toEqual({
      revoked: "revoked",
      again: "counts",
    });
  });

  it("asks nobody again who has signed the new content already", () => {
    const old = buildSignOff({
      id: "old",
      content: [buildItem({ headSha: "head-0", patchIdentity: "patch-0" })],
    });
    const renewed = buildSignOff({ id: "renewed", signedAt: minute(3) });
    const result = judgeSignOffs(buildSignOffFacts({ signOffs: [renewed, old] }));
    expect(result.signOffs.map((s) => s.judgement)).toEqual([
      { state: "superseded", by: "renewed", why: "signed_again" },
      { state: "counts", carriedOver: [] },
    ]);
  });

  it("lets an old signature speak again when its content is back", () => {
    const first = buildSignOff({ id: "first" });
    const second = buildSignOff({
      id: "second",
      signedAt: minute(3),
      content: [buildItem(), buildItem({ service: "billing" })],
    });
    expect(states(buildSignOffFacts({ signOffs: [first, second] }))).toEqual({
      first: "counts",
      second: "superseded",
    });
  });

  it("counts one person in one role only: the first that holds", () => {
    const asDev = buildSignOff({ id: "dev", signer: robin });
    const asQa = buildSignOff({ id: "qa", signer: robin, role: "qa", signedAt: minute(2) });
    const facts = buildSignOffFacts({ signOffs: [asQa, asDev] });
    expect(judgeSignOffs(facts).signOffs[1]?.judgement).toEqual({
      state: "superseded",
      by: "dev",
      why: "fills_other_role",
    });
    expect(judgeSignOffs(facts).isApproved).toBe(false);
    expect(
      judgeSignOffs({ ...facts, policy: policy({ oneRolePerPerson: false }) }).isApproved,
    ).toBe(true);
    // The first one went stale: the second is free to count.
    const stale = { ...asDev, content: [] };
    expect(states({ ...facts, signOffs: [asQa, stale] })).toEqual({ dev: "stale", qa: "counts" });
  });

  it("does not count two signatures of one person in one role as two people", () => {
    const twice = [buildSignOff({ id: "1" }), buildSignOff({ id: "2", signedAt: minute(2) })];
    const result = judgeSignOffs(
      buildSignOffFacts({ policy: policy({ roles: { dev: 2 } }), signOffs: twice }),
    );
    expect(result.roles[0]).toMatchObject({ needed: 2, have: 1, missing: 1 });
  });

  it.each(["security", "constructor", "toString"])(
    "ignores the role %s that no policy names",
    (role) => {
      const facts = buildSignOffFacts({ signOffs: [buildSignOff({ id: "x", role })] });
      expect(states(facts)).toEqual({ x: "irrelevant_role" });
    },
  );

  it.each<[string, Partial<SignOffPolicy>, string[]]>([
    ["creator", { creatorMayBeOnly: false }, ["creator_only"]],
    ["author", { authorMayBeOnly: false }, ["author_only"]],
    ["creator and author by default", {}, []],
  ])("minds when the only signature is of the %s", (_, rule, violations) => {
    const facts = buildSignOffFacts({
      policy: policy({ roles: { dev: 1 }, ...rule }),
      signOffs: [byDana],
      creator: dana,
      authors: [{ subject: dana.subject, email: "dana@example.com" }],
    });
    const result = judgeSignOffs(facts);
    expect(result.violations).toEqual(violations);
    expect(result.isApproved).toBe(violations.length === 0);
    const withRobin = judgeSignOffs({
      ...facts,
      signOffs: [byDana, buildSignOff({ signer: robin, signedAt: minute(2) })],
    });
    expect(withRobin.isApproved).toBe(true);
  });

  it("knows an author by e-mail where the subject is unknown", () => {
    const [judged] = judgeSignOffs(
      buildSignOffFacts({
        signOffs: [buildSignOff({ signerEmail: "Dana@Example.com" })],
        authors: [{ subject: null, email: "dana@example.com" }],
      }),
    ).signOffs;
    expect(judged).toMatchObject({ isByAuthor: true, isByCreator: false });
  });

  const people = [dana, quinn, robin, olivia];
  const someSignOffs: fc.Arbitrary<SignOff[]> = fc
    .array(
      fc
        .record({
          signer: fc.constantFrom(...people),
          role: fc.constantFrom("dev", "qa", "ops", "other"),
          at: fc.nat(50),
          isRevoked: fc.boolean(),
          headSha: fc.constantFrom("head-1", "head-0"),
        })
        .map(({ at, isRevoked, headSha, ...rest }) =>
          buildSignOff({
            ...rest,
            signedAt: minute(at),
            revokedAt: isRevoked ? minute(at + 1) : null,
            content: [buildItem({ headSha, patchIdentity: headSha })],
          }),
        ),
      { maxLength: 12 },
    )
    .map((signOffs) => signOffs.map((signOff, index) => ({ ...signOff, id: `s${index}` })));
  const somePolicy: fc.Arbitrary<SignOffPolicy> = fc.record({
    roles: fc.record({ dev: fc.nat(2), qa: fc.nat(2), ops: fc.nat(1) }),
    oneRolePerPerson: fc.boolean(),
    carryOver: fc.constantFrom("same-diff", "never"),
    creatorMayBeOnly: fc.boolean(),
    authorMayBeOnly: fc.boolean(),
  });

  it("never lets one person fill two roles, nor one role twice, nor anybody fill one unsigned", () => {
    fc.assert(
      fc.property(someSignOffs, somePolicy, (signOffs, rules) => {
        const items = [buildItem({ patchIdentity: "head-1" })];
        const result = judgeSignOffs(buildSignOffFacts({ policy: rules, signOffs, items }));
        const filled = result.roles.flatMap(({ role, by }) =>
          by.map((person) =>
            rules.oneRolePerPerson ? person.subject : `${role}/${person.subject}`,
          ),
        );
        expect(new Set(filled).size).toBe(filled.length);
        for (const { role, by } of result.roles) {
          for (const person of by) {
            expect(
              signOffs.some(
                (s) =>
                  s.role === role &&
                  s.signer.subject === person.subject &&
                  s.revokedAt === null &&
                  s.content[0]?.headSha === "head-1",
              ),
            ).toBe(true);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is never approved after a new commit unless the diff is the same", () => {
    fc.assert(
      fc.property(someSignOffs, somePolicy, fc.boolean(), (signOffs, rules, isSameDiff) => {
        fc.pre(Object.values(rules.roles).some((count) => count > 0));
        const items = [
          buildItem({ headSha: "head-2", patchIdentity: isSameDiff ? "head-1" : "head-2" }),
        ];
        const { isApproved } = judgeSignOffs(buildSignOffFacts({ policy: rules, signOffs, items }));
        if (!isSameDiff || rules.carryOver === "never") {
          expect(isApproved).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("does not depend on the order the signatures are read in", () => {
    fc.assert(
      fc.property(
        someSignOffs.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        somePolicy,
        ([signOffs, shuffled], rules) => {
          expect(judgeSignOffs(buildSignOffFacts({ policy: rules, signOffs: shuffled }))).toEqual(
            judgeSignOffs(buildSignOffFacts({ policy: rules, signOffs })),
          );
        },
      ),
    );
  });
});

describe(contentDelta.name, () => {
  it("is sorted by service and leaves out what stayed", () => {
    const signed = [buildItem({ service: "c" }), buildItem({ service: "b" })];
    const current = [
      buildItem({ service: "b" }),
      buildItem({ service: "c", isExcluded: true }),
      buildItem({ service: "a", headSha: null, version: "1.2.3" }),
    ];
    expect(contentDelta(signed, current, "same-diff")).toEqual([
      { service: "a", change: "added", from: null, to: "1.2.3" },
      { service: "c", change: "removed", from: "head-1", to: null },
    ]);
  });
});

describe(checkSignOff.name, () => {
  const request = {
    release: { number: 12, status: "pending" as ReleaseStatus, isRejected: false },
    role: "dev",
    actor: dana,
    actorRoles: ["dev"],
    eligible: { dev: [dana, robin], qa: [quinn, robin] },
  };

  it("lets somebody who holds the role sign", () => {
    expect(checkSignOff(buildSignOffFacts(), request)).toEqual({ ok: true, already: null });
  });

  it.each<ReleaseStatus>(["failed", "rolled_back", "approved"])(
    "lets people sign when it is %s",
    (status) => {
      expect(
        checkSignOff(buildSignOffFacts(), { ...request, release: { ...request.release, status } }),
      ).toEqual({ ok: true, already: null });
    },
  );

  it("answers a second click with the signature there is", () => {
    expect(checkSignOff(buildSignOffFacts({ signOffs: [byDana] }), request)).toEqual({
      ok: true,
      already: byDana,
    });
  });

  it("lets somebody sign again whose signature is stale", () => {
    const facts = buildSignOffFacts({
      signOffs: [byDana],
      items: [buildItem({ headSha: "head-2", patchIdentity: "patch-2" })],
    });
    expect(checkSignOff(facts, request)).toEqual({ ok: true, already: null });
  });

  it.each<
    [string, Partial<typeof request>, Parameters<typeof buildSignOffFacts>[0], string, string]
  >([
    [
      "without the role",
      { role: "qa" },
      {},
      "role.missing",
      "Ask Quinn or Robin to say `approve 12 as qa`.",
    ],
    [
      "in a role no policy names",
      { role: "boss" },
      {},
      "role.unknown",
      "It is signed as dev or qa.",
    ],
    [
      "where nobody has to sign",
      {},
      { policy: NO_SIGN_OFF_POLICY },
      "role.unknown",
      "It needs no signature at all.",
    ],
    [
      "in a second role",
      { role: "qa", actor: robin, actorRoles: ["dev", "qa"] },
      { signOffs: [buildSignOff({ signer: robin })] },
      "sign_off.one_role",
      "Ask Quinn to say `approve 12 as qa`, or say `revoke 12 as dev` first.",
    ],
    [
      "an empty release",
      {},
      { items: [buildItem({ isExcluded: true })] },
      "release.empty",
      "include 12",
    ],
    [
      "what is deployed",
      { release: { ...request.release, status: "deployed" } },
      {},
      "release.closed",
      "releases",
    ],
    [
      "what was closed",
      { release: { ...request.release, status: "cancelled" } },
      {},
      "release.closed",
      "releases",
    ],
    [
      "during a deployment",
      { release: { ...request.release, status: "deploying" } },
      {},
      "release.busy",
      "Wait",
    ],
    [
      "what was rejected",
      { release: { ...request.release, status: "rejected" } },
      {},
      "release.rejected",
      "lift 12",
    ],
    [
      "what is about to be rejected",
      { release: { ...request.release, isRejected: true } },
      {},
      "release.rejected",
      "lift 12",
    ],
  ])("refuses to sign %s", (_, parts, facts, code, remedy) => {
    expect(checkSignOff(buildSignOffFacts(facts), { ...request, ...parts })).toMatchObject({
      ok: false,
      code,
      remedy: expect.stringContaining(remedy),
    });
  });

  it("lets one person sign twice where the policy allows it", () => {
    const facts = buildSignOffFacts({
      policy: policy({ oneRolePerPerson: false }),
      signOffs: [buildSignOff({ signer: robin })],
    });
    expect(
      checkSignOff(facts, { ...request, role: "qa", actor: robin, actorRoles: ["dev", "qa"] }),
    ).toEqual({ ok: true, already: null });
  });
});

describe(findUnsatisfiable.name, () => {
  it.each<[string, Partial<SignOffPolicy>, Record<string, Person[]>, string[]]>([
    ["is quiet when two people can do it", {}, { dev: [dana], qa: [quinn] }, []],
    [
      "is quiet when the one with both roles has a colleague",
      {},
      { dev: [robin, dana], qa: [robin] },
      [],
    ],
    [
      "sees one person in both roles",
      {},
      { dev: [robin], qa: [robin] },
      ["dev and qa need 2 different people, but only Robin holds any of these roles."],
    ],
    [
      "lets one person do both where allowed",
      { oneRolePerPerson: false },
      { dev: [robin], qa: [robin] },
      [],
    ],
    [
      "sees a role nobody holds",
      {},
      { dev: [dana] },
      ["Nobody holds the role qa, so nobody can sign as qa."],
    ],
    [
      "sees too few people for a role",
      { roles: { dev: 2 } },
      { dev: [dana, dana] },
      ["2 people must sign as dev, but only Dana holds that role."],
    ],
    [
      "sees too few people where one may fill several roles",
      { roles: { dev: 3 }, oneRolePerPerson: false },
      { dev: [dana, robin] },
      ["3 people must sign as dev, but only Dana and Robin hold that role."],
    ],
    ["asks nobody where nobody has to sign", { roles: {} }, {}, []],
    ["overlooks a role that asks for none", { roles: { dev: 0 } }, {}, []],
  ])("%s", (_, parts, eligible, reasons) => {
    const refusals = findUnsatisfiable(policy(parts), eligible);
    expect(refusals.map((refusal) => refusal.reason)).toEqual(reasons);
    refusals.forEach((refusal) => expect(refusal.remedy).not.toBe(""));
  });

  it("names the fix", () => {
    expect(findUnsatisfiable(DEFAULT_SIGN_OFF_POLICY, { dev: [robin], qa: [robin] })).toEqual([
      expect.objectContaining({
        code: "sign_off.unsatisfiable",
        remedy:
          "Give the role dev or qa to 1 more person, or set `one_role_per_person: false` in the policy.",
      }),
    ]);
  });

  it.each<[string, Partial<SignOffPolicy>, Person[], string[]]>([
    ["creator alone", { creatorMayBeOnly: false }, [dana], ["sign_off.creator_only"]],
    ["authors alone", { authorMayBeOnly: false }, [dana, robin], ["sign_off.author_only"]],
    ["creator and somebody else", { creatorMayBeOnly: false }, [dana, quinn], []],
    ["authors and somebody else", { authorMayBeOnly: false }, [robin, quinn], []],
    ["creator alone, allowed", {}, [dana], []],
  ])("minds the %s", (_, parts, dev, codes) => {
    const release = {
      creator: dana,
      authors: [dana, robin].map(({ subject }) => ({ subject, email: `${subject}@example.com` })),
    };
    expect(
      findUnsatisfiable(policy({ roles: { dev: 1 }, ...parts }), { dev }, release).map(
        (r) => r.code,
      ),
    ).toEqual(codes);
  });

  it("agrees with trying every assignment of people to places", () => {
    const people = [dana, quinn, robin, olivia];
    const roles = ["dev", "qa", "ops"];
    fc.assert(
      fc.property(
        fc.array(fc.nat(2), { minLength: 3, maxLength: 3 }),
        fc.array(fc.subarray(people), { minLength: 3, maxLength: 3 }),
        (counts, holders) => {
          const needed = Object.fromEntries(roles.map((role, i) => [role, counts[i] ?? 0]));
          const eligible = Object.fromEntries(roles.map((role, i) => [role, holders[i] ?? []]));
          const places = roles.flatMap((role) =>
            Array.from({ length: needed[role] ?? 0 }, () => role),
          );
          const refusals = findUnsatisfiable(policy({ roles: needed }), eligible);
          expect(refusals.length === 0).toBe(canFill(places, eligible, new Set()));
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

function canFill(
  places: readonly string[],
  eligible: Record<string, readonly Person[]>,
  taken: ReadonlySet<string>,
): boolean {
  const [role, ...rest] = places;
  return (
    role === undefined ||
    (eligible[role] ?? []).some(
      ({ subject }) => !taken.has(subject) && canFill(rest, eligible, new Set([...taken, subject])),
    )
  );
}
