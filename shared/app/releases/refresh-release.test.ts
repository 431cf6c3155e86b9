import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeploymentRow } from "../../db/rows/deployment.ts";
import { ReleaseRow } from "../../db/rows/release.ts";
import { PermissionDenied, ReleaseBusy, ReleaseClosed } from "../../errors/catalog.ts";
import { newId } from "../../lib/ids.ts";
import type { FakeRepository } from "../../testing/fake-scm.ts";
import { refreshOpenReleases } from "./refresh-open-releases.ts";
import { refreshRelease } from "./refresh-release.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "./testing/release-bench.ts";

const pair = { source: "uat", destination: "master" };
const dana = person("dana");
const quinn = person("quinn");

let bench: ReleaseBench;
let billing: FakeRepository;

beforeEach(async () => {
  bench = await createReleaseBench();
  billing = addRepository(bench.scm, "billing", ["feat: b"]);
  addRepository(bench.scm, "auth", ["feat: a"]);
  await bench.services.create(dana, pair);
});
afterEach(() => bench.close());

describe(refreshRelease.name, () => {
  it("says what changed, repository by repository", async () => {
    billing.commit("uat", { title: "fix: c", files: { "c.ts": "1" } });
    billing.commit("uat", { title: "fix: d", files: { "d.ts": "1" } });
    addRepository(bench.scm, "gateway", ["feat: g"]);
    const auth = bench.scm.repository("auth");
    auth.move("master", auth.tip("uat") ?? "");

    const release = await bench.services.refresh(dana, 1);

    expect(release.lastChanges).toEqual([
      "auth: nothing left to release, taken out",
      "billing: 2 new commits",
      "gateway: joined with 1 commit",
    ]);
    expect(release.items.map(({ service, lastChange }) => [service, lastChange])).toEqual([
      ["billing", "2 new commits"],
      ["gateway", "joined"],
    ]);
    expect(await bench.payloads("release.refreshed")).toEqual([
      { number: 1, changes: release.lastChanges, fingerprint: release.fingerprint },
    ]);
  });

  it("is found by what it holds now, not by what left it", async () => {
    billing.commit("uat", { title: "fix: ledger rounding", files: { "c.ts": "1" } });
    addRepository(bench.scm, "gateway", ["feat: throttle"]);
    const auth = bench.scm.repository("auth");
    auth.move("master", auth.tip("uat") ?? "");
    await bench.services.refresh(dana, 1);

    const found = async (text: string) =>
      (await bench.services.list(dana, { limit: 10, offset: 0, text })).total;
    expect([await found("ledger"), await found("gateway thrott"), await found("auth")]).toEqual([
      1, 1, 0,
    ]);
  });

  it("keeps exclusions and dependencies", async () => {
    await bench.services.exclude(dana, 1, ["auth"], "not tested");
    await bench.services.setDependencies(dana, 1, "billing", ["auth"]);
    billing.commit("uat", { title: "fix: c", files: { "c.ts": "1" } });

    const release = await bench.services.refresh(dana, 1);

    expect(release.items).toMatchObject([
      { service: "billing", dependsOn: ["auth"], commitCount: 2 },
      { service: "auth", excluded: true, excludedReason: "not tested" },
    ]);
    expect(release.order.warnings).toHaveLength(1);
  });

  it("asks only those again whose signed content changed, with what changed since", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });
    billing.commit("uat", { title: "fix: c", files: { "c.ts": "1" } });

    const release = await bench.services.refresh(dana, 1);

    expect(release.status).toBe("pending");
    expect(release.signOffs).toMatchObject([
      { state: "stale", changesSince: ["1 new commit in billing"] },
      { state: "stale", changesSince: ["1 new commit in billing"] },
    ]);
    const outdated = await bench.payloads("release.sign_off_outdated");
    expect(outdated).toEqual([
      {
        number: 1,
        signOffs: [
          { role: "dev", subject: "sub-dana", name: "Dana", changes: ["1 new commit in billing"] },
          { role: "qa", subject: "sub-quinn", name: "Quinn", changes: ["1 new commit in billing"] },
        ],
      },
    ]);
    expect(await bench.payloads("release.approval_lost")).toEqual([
      { number: 1, why: "The content changed: billing: 1 new commit." },
    ]);
    const { fingerprint } = release;
    await bench.services.signOff(dana, 1, { role: "dev", fingerprint });
    expect((await bench.services.signOff(quinn, 1, { role: "qa", fingerprint })).status).toBe(
      "approved",
    );
  });

  it("tells of a stale signature once, with everything since it was given", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    billing.commit("uat", { title: "fix: c", files: { "c.ts": "1" } });
    await bench.services.refresh(dana, 1);
    billing.commit("uat", { title: "fix: d", files: { "d.ts": "1" } });

    const release = await bench.services.refresh(dana, 1);

    expect(release.signOffs[0]?.changesSince).toEqual(["2 new commits in billing"]);
    expect(await bench.payloads("release.sign_off_outdated")).toHaveLength(1);
  });

  it("keeps signatures where the commit changed and the difference did not", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });
    const [master, uat] = [billing.tip("master") ?? "", billing.tip("uat") ?? ""];
    const hotfix = billing.commit("master", { title: "fix: hot", files: { "hot.ts": "1" } });
    billing.commit("uat", {
      title: "Merge branch 'master' into uat",
      parents: [uat, hotfix],
      files: { "hot.ts": "1" },
    });
    expect(master).not.toBe(hotfix);

    const release = await bench.services.refresh(dana, 1);

    expect(release.status).toBe("approved");
    expect(release.signOffs.map(({ state }) => state)).toEqual(["counts", "counts"]);
    expect(release.lastChanges).toEqual(["billing: 1 new commit, same diff"]);
    expect(await bench.payloads("release.approval_lost")).toEqual([]);
  });

  it("keeps what cannot be read, says so, and says when it can be read again", async () => {
    bench.scm.breakRepository("billing", { reason: "The disk is gone." });
    const broken = await bench.services.refresh(dana, 1);
    expect(broken.items.map(({ service }) => service)).toEqual(["auth", "billing"]);
    expect(broken.lastChanges).toEqual(["billing: The disk is gone."]);

    bench.scm.breakRepository("billing", undefined);
    const mended = await bench.services.refresh(dana, 1);

    expect(mended.problems).toEqual([]);
    expect(mended.lastChanges).toEqual(["billing: can be compared again"]);
  });

  it("keeps items of a repository that is not configured any more, and says so", async () => {
    bench.scm.removeRepository("billing");

    const release = await bench.services.refresh(dana, 1);

    expect(release.items).toHaveLength(2);
    expect(release.problems).toMatchObject([{ repository: "billing", code: "repository_missing" }]);
  });

  it("looks only at the repositories the release was made of", async () => {
    await bench.services.close(dana, 1, "smaller");
    await bench.services.create(dana, { ...pair, repositories: ["billing"] });

    const release = await bench.services.refresh(dana, 2);

    expect(release.items.map(({ service }) => service)).toEqual(["billing"]);
    expect(release.lastChanges).toEqual([]);
  });

  it("follows with the draft until somebody edits the text", async () => {
    billing.commit("uat", { title: "feat!: invoices need an address", files: { "c.ts": "1" } });
    const fresh = await bench.services.refresh(dana, 1);
    expect(fresh.notes).toContain("invoices need an address");
    expect(fresh.breakingChanges).toBe("billing: invoices need an address");
    await bench.services.edit(dana, 1, { notes: "Mine", breakingChanges: "None at all" });
    billing.commit("uat", { title: "feat!: drop the old API", files: { "d.ts": "1" } });

    const release = await bench.services.refresh(dana, 1);

    expect(release).toMatchObject({ notes: "Mine", breakingChanges: "None at all" });
    expect(release.draftNotes).toContain("drop the old API");
  });

  it("leaves the version alone when nothing changed", async () => {
    const before = await bench.services.view(dana, 1);

    const after = await bench.services.refresh(dana, 1);

    expect(after.version).toBe(before.version);
    expect(await bench.payloads("release.refreshed")).toMatchObject([{ changes: [] }]);
  });

  it("reads once more for everybody who asks while it is being read", async () => {
    let reads = 0;
    await bench.close();
    bench = await createReleaseBench();
    const { scm } = bench;
    const compareMany: typeof scm.compareMany = (pairs, signal) => {
      reads += 1;
      return scm.compareMany(pairs, signal);
    };
    await bench.close();
    bench = await createReleaseBench({ scms: [{ ...scm, compareMany }] });
    addRepository(scm, "billing", ["feat: b"]);
    await bench.services.create(dana, pair);
    reads = 0;
    const release = scm.slow("billing");

    const asked = Array.from({ length: 20 }, () => bench.services.refresh(dana, 1));
    await expect.poll(() => reads).toBe(1);
    release();
    await Promise.all(asked);

    expect(reads).toBe(2);
  });

  it("is refused while the release is being deployed, and after it was closed", async () => {
    await startDeployment();
    await expect(bench.services.refresh(dana, 1)).rejects.toBeInstanceOf(ReleaseBusy);
    await expect(bench.services.exclude(dana, 1, ["auth"], null)).rejects.toBeInstanceOf(
      ReleaseBusy,
    );
    await DeploymentRow.update({ status: "aborted" }, { where: {} });
    await bench.services.close(dana, 1, "not now");

    await expect(bench.services.refresh(dana, 1)).rejects.toBeInstanceOf(ReleaseClosed);
    await expect(bench.services.refresh(person("vic"), 1)).rejects.toBeInstanceOf(PermissionDenied);
  });
});

describe(refreshOpenReleases.name, () => {
  const { signal } = new AbortController();

  it("writes nothing when nothing changed", async () => {
    const before = await bench.events();

    expect(await bench.refreshOpen(signal)).toBe(0);

    expect(await bench.events()).toEqual(before);
  });

  it("brings what changed, as Slipway itself", async () => {
    billing.commit("uat", { title: "fix: c", files: { "c.ts": "1" } });

    expect(await bench.refreshOpen(signal)).toBe(1);

    const view = await bench.services.view(dana, 1);
    expect(view.lastChanges).toEqual(["billing: 1 new commit"]);
    const history = await bench.services.history(dana, 1, { limit: 50, offset: 0 });
    expect(history.items.at(-1)).toMatchObject({
      event: "release.refreshed",
      actor: { subject: "system" },
    });
  });

  it("puts a status right that does not follow from the facts", async () => {
    await ReleaseRow.update({ status: "approved" }, { where: { number: 1 } });

    expect(await bench.refreshOpen(signal)).toBe(1);

    expect((await bench.services.view(dana, 1)).status).toBe("pending");
  });

  it("goes on when one release cannot be read", async () => {
    await bench.services.create(dana, { source: "uat", destination: "master2" }).catch(() => null);
    await ReleaseRow.update({ sourceBranch: "bad name" }, { where: { number: 1 } });

    expect(await bench.refreshOpen(signal)).toBe(0);
  });
});

async function startDeployment(): Promise<void> {
  const release = await ReleaseRow.findOne({ where: { number: 1 }, rejectOnEmpty: true });
  await DeploymentRow.create({
    id: newId(),
    number: 7,
    kind: "deploy",
    status: "running",
    environment: "prod",
    releaseId: release.id,
    desired: [],
    waves: [],
    land: "after",
    only: null,
    requestedBy: "sub-olivia",
    requestedByName: "Olivia",
    summary: "",
    fencing: 1,
    createdAt: bench.database.clock.now(),
  });
}
