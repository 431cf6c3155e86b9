import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SignOffRow } from "../../db/rows/sign-off.ts";
import {
  PermissionDenied,
  ReleaseClosed,
  RoleUnknown,
  SignOffNotFound,
  SignOffOutdated,
  SignOffRefused,
} from "../../errors/catalog.ts";
import type { FakeRepository } from "../../testing/fake-scm.ts";
import { revokeSignOff } from "./revoke-sign-off.ts";
import { signOffRelease } from "./sign-off-release.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "./testing/release-bench.ts";

const pair = { source: "uat", destination: "master" };
const [dana, quinn, robin, adam] = ["dana", "quinn", "robin", "adam"].map((n) => person(n)) as [
  ReturnType<typeof person>,
  ReturnType<typeof person>,
  ReturnType<typeof person>,
  ReturnType<typeof person>,
];

let bench: ReleaseBench;
let billing: FakeRepository;

beforeEach(async () => {
  bench = await createReleaseBench();
  billing = addRepository(bench.scm, "billing", ["feat: b", "fix: c"]);
  addRepository(bench.scm, "auth", ["feat: a"], { name: "Ana", email: "ana@example.com" });
  await bench.services.create(dana, pair);
});
afterEach(() => bench.close());

describe(signOffRelease.name, () => {
  it("approves with the last signature, in the same transaction", async () => {
    const first = await bench.services.signOff(dana, 1, { role: "dev" });
    expect(first).toMatchObject({
      status: "pending",
      signOffs: [{ role: "dev", person: { username: "dana" }, state: "counts", byAuthor: true }],
      progress: [
        { role: "dev", needed: 1, have: 1, signedBy: [{ username: "dana" }] },
        { role: "qa", needed: 1, have: 0 },
      ],
    });
    const commitsBefore = bench.database.commits.length;

    const second = await bench.services.signOff(quinn, 1, { role: "qa" });

    expect(second.status).toBe("approved");
    expect(second.signOffs[1]).toMatchObject({ byAuthor: false, via: "room" });
    expect(second.roles).toEqual([
      { role: "dev", needed: 1, have: 1 },
      { role: "qa", needed: 1, have: 1 },
    ]);
    expect(bench.database.commits).toHaveLength(commitsBefore + 1);
    expect((await bench.events()).slice(-2)).toEqual(["release.signed_off", "release.approved"]);
  });

  it("makes one signature and one fact of a hundred clicks", async () => {
    const { fingerprint } = await bench.services.view(dana, 1);

    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        bench.services.signOff(person("dana", { platform: index % 2 ? "room" : "web" }), 1, {
          role: "dev",
          fingerprint,
        }),
      ),
    );

    expect(await SignOffRow.count()).toBe(1);
    expect(await bench.payloads("release.signed_off")).toHaveLength(1);
    for (const answer of answers) {
      expect(answer).toEqual(answers[0]);
    }
  });

  it("makes one signature of clicks that come through different ways in", async () => {
    const { fingerprint } = await bench.services.view(dana, 1);

    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        signOffRelease(bench.deps, person("dana", { platform: `way-${index}` }), 1, {
          role: "dev",
          fingerprint,
        }),
      ),
    );

    expect(await SignOffRow.count()).toBe(1);
    expect(await bench.payloads("release.signed_off")).toHaveLength(1);
  });

  it("lets one person fill one role only", async () => {
    await bench.services.signOff(robin, 1, { role: "dev" });

    await expect(bench.services.signOff(robin, 1, { role: "qa" })).rejects.toSatisfy(
      (error) =>
        error instanceof SignOffRefused && error.data.reasons[0]?.code === "sign_off.one_role",
    );

    const view = await bench.services.view(robin, 1);
    expect(view.abilities.signOff["qa"]).toMatchObject({
      allowed: false,
      reason: "You already signed release #1 as dev, and one person fills one role.",
    });
    expect(view.status).toBe("pending");
  });

  it("signs nothing that the person did not see", async () => {
    const seen = await bench.services.view(dana, 1);
    billing.commit("uat", { title: "fix: one more", files: { "z.ts": "1" } });
    await bench.services.refresh(quinn, 1);

    const attempt = bench.services.signOff(dana, 1, {
      role: "dev",
      fingerprint: seen.fingerprint,
    });

    await expect(attempt).rejects.toBeInstanceOf(SignOffOutdated);
    await expect(attempt).rejects.toThrow(/billing: 1 new commit/);
    expect(await SignOffRow.count()).toBe(0);
  });

  it.each([
    ["somebody who may only look", person("vic"), "dev", PermissionDenied],
    ["an administrator without the role", adam, "dev", PermissionDenied],
    ["somebody with another role", quinn, "dev", PermissionDenied],
    ["a role nobody asked for", dana, "security", RoleUnknown],
  ])("refuses %s", async (_what, actor, role, error) => {
    await expect(bench.services.signOff(actor, 1, { role })).rejects.toBeInstanceOf(error);
    expect(await SignOffRow.count()).toBe(0);
  });

  it("remembers who tried without the right", async () => {
    await expect(bench.services.signOff(quinn, 1, { role: "dev" })).rejects.toThrow();

    expect(await bench.payloads("access.denied")).toEqual([
      { permission: "release.sign_off", reason: "You do not hold the role dev." },
    ]);
  });

  it("refuses a read-only token of somebody with the role", async () => {
    const token = person("dana", { token: { id: "t", scopes: ["read"] } });

    await expect(bench.services.signOff(token, 1, { role: "dev" })).rejects.toBeInstanceOf(
      PermissionDenied,
    );
  });

  it("does not count a role held for another environment or another team", async () => {
    const elsewhere = { ...dana, grants: [{ role: "dev", environments: ["preprod"] }] };
    const otherTeam = { ...dana, grants: [{ role: "dev", teams: ["mobile"] }] };

    for (const actor of [elsewhere, otherTeam]) {
      await expect(bench.services.signOff(actor, 1, { role: "dev" })).rejects.toBeInstanceOf(
        PermissionDenied,
      );
    }
  });

  it("says at once when nobody could sign", async () => {
    await bench.close();
    bench = await createReleaseBench({
      eligiblePeople: async () => ({ dev: [], qa: [{ subject: "q", username: "q", name: "Q" }] }),
    });
    addRepository(bench.scm, "billing", ["feat: b"]);

    const release = await bench.services.create(dana, pair);

    expect(release.unsatisfiable).toContain("Nobody holds the role dev");
    expect(release.unsatisfiable).toContain("Give the role dev");
  });
});

describe(revokeSignOff.name, () => {
  beforeEach(async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });
  });

  it("takes one's own signature back, and the approval with it", async () => {
    const release = await bench.services.revokeSignOff(quinn, 1, { role: "qa" });

    expect(release.status).toBe("pending");
    expect(release.signOffs.map(({ state }) => state)).toEqual(["counts", "revoked"]);
    expect(await bench.payloads("release.sign_off_revoked")).toEqual([
      { number: 1, role: "qa", signer: "sub-quinn", byAdministrator: false },
    ]);
    expect(await bench.payloads("release.approval_lost")).toEqual([
      { number: 1, why: "Quinn revoked their sign-off as qa." },
    ]);
  });

  it("can be signed again afterwards", async () => {
    await bench.services.revokeSignOff(quinn, 1, { role: "qa" });

    const release = await bench.services.signOff(quinn, 1, { role: "qa" });

    expect(release.status).toBe("approved");
    expect(await bench.payloads("release.approved")).toHaveLength(2);
  });

  it("lets an administrator revoke anybody's, and says that it was one", async () => {
    const release = await bench.services.revokeSignOff(adam, 1, { role: "dev" });

    expect(release.signOffs[0]).toMatchObject({
      state: "revoked",
      revokedBy: { username: "adam" },
    });
    expect(await bench.payloads("release.sign_off_revoked")).toMatchObject([
      { signer: "sub-dana", byAdministrator: true },
    ]);
  });

  it("keeps others away from it", async () => {
    await expect(
      bench.services.revokeSignOff(robin, 1, { role: "dev", of: "dana" }),
    ).rejects.toBeInstanceOf(PermissionDenied);
    await expect(bench.services.revokeSignOff(robin, 1, { role: "dev" })).rejects.toBeInstanceOf(
      SignOffNotFound,
    );
  });

  it("is refused when the release is closed", async () => {
    await bench.services.close(dana, 1, "not now");

    await expect(bench.services.revokeSignOff(quinn, 1, { role: "qa" })).rejects.toBeInstanceOf(
      ReleaseClosed,
    );
  });
});
