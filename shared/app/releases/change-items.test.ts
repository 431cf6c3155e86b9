import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  DependencyInvalid,
  InputTooLarge,
  ItemNotFound,
  PermissionDenied,
  ReleaseChanged,
  ReleaseNotFound,
} from "../../errors/catalog.ts";
import { setDependencies } from "./change-dependencies.ts";
import { excludeItems, includeItems } from "./change-items.ts";
import { editRelease } from "./edit-release.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "./testing/release-bench.ts";

const dana = person("dana");
const quinn = person("quinn");
const adam = person("adam");

let bench: ReleaseBench;

beforeEach(async () => {
  bench = await createReleaseBench();
  for (const name of ["acme/auth", "acme/billing", "acme/gateway"]) {
    addRepository(bench.scm, name, ["feat: x"]);
  }
  await bench.services.create(dana, { source: "uat", destination: "master" });
});
afterEach(() => bench.close());

describe(excludeItems.name, () => {
  it("changes what is to be signed, and tells those who signed", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });
    const before = await bench.services.view(dana, 1);

    const release = await bench.services.exclude(dana, 1, ["billing"], "not tested");

    expect(release.fingerprint).not.toBe(before.fingerprint);
    expect(release.status).toBe("pending");
    expect(release.items.find((item) => item.service === "billing")).toMatchObject({
      excluded: true,
      excludedReason: "not tested",
      wave: null,
    });
    expect(release.signOffs[0]).toMatchObject({
      state: "stale",
      changesSince: ["billing was excluded"],
    });
    expect(await bench.payloads("release.approval_lost")).toEqual([
      { number: 1, why: "Dana excluded billing." },
    ]);
    expect(await bench.payloads("release.sign_off_outdated")).toHaveLength(1);
  });

  it("restores the signatures when the old content comes back", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });
    await bench.services.exclude(dana, 1, ["billing"], null);

    const release = await bench.services.include(dana, 1, ["billing"]);

    expect(release.status).toBe("approved");
    expect(release.items[1]?.excludedReason).toBeNull();
  });

  it("does nothing twice", async () => {
    const once = await bench.services.exclude(dana, 1, ["billing"], null);
    const twice = await bench.services.exclude(quinn, 1, ["acme/billing", "billing"], null);

    expect(twice.version).toBe(once.version);
    expect(await bench.payloads("release.item_excluded")).toHaveLength(1);
  });

  it("keeps the work of two people at once", async () => {
    await Promise.all([
      bench.services.exclude(adam, 1, ["billing"], "a"),
      bench.services.exclude(dana, 1, ["gateway"], "b"),
      bench.services.edit(quinn, 1, { notes: "Both" }),
    ]);

    const release = await bench.services.view(dana, 1);
    expect(release.items.map(({ excludedReason }) => excludedReason)).toEqual([null, "a", "b"]);
    expect(release.notes).toBe("Both");
  });

  it("names the service that was meant", async () => {
    const attempt = bench.services.exclude(dana, 1, ["biling"], null);

    await expect(attempt).rejects.toBeInstanceOf(ItemNotFound);
    await expect(attempt).rejects.toMatchObject({ remedy: "Did you mean billing?" });
  });
});

describe(includeItems.name, () => {
  it("is refused to people who may only look", async () => {
    await expect(bench.services.include(person("vic"), 1, ["auth"])).rejects.toBeInstanceOf(
      PermissionDenied,
    );
  });
});

describe(setDependencies.name, () => {
  it("puts services behind what they depend on, and leaves signatures alone", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });

    const release = await bench.services.setDependencies(dana, 1, "gateway", [
      "acme/auth",
      "billing",
    ]);

    expect(release.order.waves).toEqual([["auth", "billing"], ["gateway"]]);
    expect(release.items.map(({ wave }) => wave)).toEqual([1, 1, 2]);
    expect(release.signOffs[0]?.state).toBe("counts");
    expect(await bench.payloads("release.dependencies_changed")).toEqual([
      { number: 1, service: "gateway", before: [], after: ["auth", "billing"] },
    ]);
  });

  it("shows a cycle and lets nothing out with it", async () => {
    await bench.services.setDependencies(dana, 1, "gateway", ["auth"]);

    await bench.services.setDependencies(dana, 1, "auth", ["gateway"]);

    const release = await bench.services.view(person("olivia"), 1);
    expect(release.order.cycle).toEqual(["auth", "gateway", "auth"]);
    expect(release.abilities.deploy.allowed).toBe(false);
    expect(release.abilities.deploy.reason).toContain("auth → gateway → auth");
  });

  it.each([
    ["itself", "auth", "auth cannot depend on auth: a service cannot wait for itself."],
    ["nobody knows", "autth", "auth cannot depend on autth: no such service is known."],
  ])("refuses a dependency on %s", async (_what, on, message) => {
    const attempt = bench.services.setDependencies(dana, 1, "auth", [on]);

    await expect(attempt).rejects.toBeInstanceOf(DependencyInvalid);
    await expect(attempt).rejects.toThrow(message);
  });
});

describe(editRelease.name, () => {
  it("records both texts and leaves signatures alone", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    const before = await bench.services.view(dana, 1);

    const release = await bench.services.edit(dana, 1, { notes: "# Hello\u202E\n\n<b>all</b>" });

    expect(release.notes).toBe("# Hello\n\n<b>all</b>");
    expect(release.signOffs[0]?.state).toBe("counts");
    expect(await bench.payloads("release.edited")).toEqual([
      { number: 1, field: "notes", before: before.notes, after: release.notes },
    ]);
  });

  it("refuses to overwrite what somebody else wrote since it was read", async () => {
    const { version } = await bench.services.view(dana, 1);
    await bench.services.edit(quinn, 1, { notes: "Quinn's" });

    await expect(bench.services.edit(dana, 1, { notes: "Dana's", version })).rejects.toBeInstanceOf(
      ReleaseChanged,
    );

    expect((await bench.services.view(dana, 1)).notes).toBe("Quinn's");
  });

  it("refuses a megabyte, and keeps what was there", async () => {
    const before = await bench.services.view(dana, 1);

    await expect(
      bench.services.edit(dana, 1, { notes: "x".repeat(1_000_000) }),
    ).rejects.toBeInstanceOf(InputTooLarge);

    expect(await bench.services.view(dana, 1)).toEqual(before);
  });

  it("knows no release that is not there", async () => {
    await expect(bench.services.edit(dana, 99, { notes: "x" })).rejects.toBeInstanceOf(
      ReleaseNotFound,
    );
  });
});
