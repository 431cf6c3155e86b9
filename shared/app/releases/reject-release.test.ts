import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { JobRow } from "../../db/rows/job.ts";
import {
  CommitsRejected,
  InputInvalid,
  PermissionDenied,
  RejectionNotFound,
  ReleaseClosed,
  SignOffRefused,
} from "../../errors/catalog.ts";
import { closeRelease } from "./close-release.ts";
import { liftRejection } from "./lift-rejection.ts";
import { rejectRelease } from "./reject-release.ts";
import {
  addRepository,
  createReleaseBench,
  person,
  type ReleaseBench,
} from "./testing/release-bench.ts";

const pair = { source: "uat", destination: "master" };
const dana = person("dana");
const quinn = person("quinn");
const adam = person("adam");

let bench: ReleaseBench;

beforeEach(async () => {
  bench = await createReleaseBench();
  addRepository(bench.scm, "billing", ["feat: b"]);
  addRepository(bench.scm, "auth", ["feat: a"]);
  await bench.services.create(dana, pair);
});
afterEach(() => bench.close());

describe(rejectRelease.name, () => {
  it("stops the release, shows the reason and keeps it from being signed", async () => {
    const release = await bench.services.reject(quinn, 1, "invoices are wrong");

    expect(release).toMatchObject({
      status: "rejected",
      rejection: { person: { username: "quinn" }, reason: "invoices are wrong" },
    });
    const { abilities } = await bench.services.view(adam, 1);
    expect(abilities.deploy.reason).toContain("invoices are wrong");
    await expect(bench.services.signOff(dana, 1, { role: "dev" })).rejects.toBeInstanceOf(
      SignOffRefused,
    );
    expect(await bench.payloads("release.rejected")).toEqual([
      { number: 1, reason: "invoices are wrong" },
    ]);
  });

  it("takes an approval away", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });

    await bench.services.reject(quinn, 1, "invoices are wrong");

    expect(await bench.payloads("release.approval_lost")).toEqual([
      { number: 1, why: "Quinn rejected it: invoices are wrong" },
    ]);
  });

  it("keeps those commits out of every new release until it is lifted", async () => {
    await bench.services.reject(quinn, 1, "invoices are wrong");
    await expect(bench.services.create(dana, pair)).rejects.toBeInstanceOf(CommitsRejected);
    await bench.services.close(dana, 1, "next time");

    bench.scm.repository("billing").commit("uat", { title: "fix: c", files: { "c.ts": "1" } });
    const attempt = bench.services.create(dana, { ...pair, repositories: ["billing"] });
    await expect(attempt).rejects.toBeInstanceOf(CommitsRejected);
    await expect(attempt).rejects.toMatchObject({
      message: "Commits of billing were rejected in release #1 by Quinn: invoices are wrong",
      data: { release: 1, services: ["billing"] },
    });

    await bench.services.liftRejection(adam, 1);
    expect((await bench.services.create(dana, pair)).number).toBe(2);
  });

  it("lets through what carries none of those commits", async () => {
    await bench.services.exclude(dana, 1, ["auth"], null);
    await bench.services.reject(quinn, 1, "invoices are wrong");
    await bench.services.close(dana, 1, "next time");

    const release = await bench.services.create(dana, { ...pair, exclude: ["billing"] });

    expect(release.status).toBe("pending");
    const spoiled = await bench.services.include(dana, 2, ["billing"]);
    expect(spoiled).toMatchObject({
      status: "rejected",
      rejection: { reason: "invoices are wrong" },
    });
    expect(spoiled.abilities.lift).toMatchObject({ allowed: false });
    expect((await bench.services.exclude(dana, 2, ["billing"], null)).status).toBe("pending");
  });

  it("has other open releases with the same commits looked at again", async () => {
    const billing = bench.scm.repository("billing");
    billing.move("staging", billing.tip("master") ?? "");
    await bench.services.create(dana, { source: "uat", destination: "staging" });

    await bench.services.reject(quinn, 1, "invoices are wrong");

    expect(await JobRow.findAll()).toMatchObject([
      { name: "release.refresh", payload: { number: 2 } },
    ]);
    const before = await bench.services.view(adam, 2);
    expect(before.requirements.map(({ code }) => code)).toContain("release.rejected");
    await bench.handleRefreshJob({ number: 2 });
    expect((await bench.services.view(dana, 2)).status).toBe("rejected");
    await bench.services.liftRejection(adam, 1);
    expect((await bench.services.view(dana, 2)).status).toBe("pending");
  });

  it("counts once, with the first reason", async () => {
    await bench.services.reject(quinn, 1, "invoices are wrong");

    const release = await bench.services.reject(dana, 1, "me too");

    expect(release.rejection?.reason).toBe("invoices are wrong");
    expect(await bench.payloads("release.rejected")).toHaveLength(1);
  });

  it("wants a reason", async () => {
    await expect(bench.services.reject(quinn, 1, " \u200B ")).rejects.toBeInstanceOf(InputInvalid);
  });
});

describe(liftRejection.name, () => {
  it("lets the signatures that still fit count again", async () => {
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });
    await bench.services.reject(quinn, 1, "invoices are wrong");

    const release = await bench.services.liftRejection(adam, 1);

    expect(release).toMatchObject({ status: "approved", rejection: null });
    expect(await bench.payloads("release.approved")).toHaveLength(2);
  });

  it("is for administrators, and for releases that are rejected", async () => {
    await expect(bench.services.liftRejection(adam, 1)).rejects.toBeInstanceOf(RejectionNotFound);
    await bench.services.reject(quinn, 1, "invoices are wrong");
    await expect(bench.services.liftRejection(quinn, 1)).rejects.toBeInstanceOf(PermissionDenied);
  });
});

describe(closeRelease.name, () => {
  it("ends the release and frees its branches", async () => {
    const closed = await bench.services.close(dana, 1, "not needed");

    expect(closed).toMatchObject({
      status: "cancelled",
      closed: { by: { username: "dana" }, reason: "not needed" },
    });
    expect(closed.abilities.refresh).toMatchObject({
      allowed: false,
      reason: "Release #1 is cancelled, so it cannot be refreshed.",
    });
    expect((await bench.services.create(dana, pair)).number).toBe(2);
  });

  it("is for whoever made it and for administrators", async () => {
    await expect(bench.services.close(quinn, 1, "mine")).rejects.toBeInstanceOf(PermissionDenied);
    expect((await bench.services.close(adam, 1, "tidy")).closed?.by.username).toBe("adam");
    await expect(bench.services.close(adam, 1, "again")).rejects.toBeInstanceOf(ReleaseClosed);
  });
});
