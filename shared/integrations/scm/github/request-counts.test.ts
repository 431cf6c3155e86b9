import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRepositories } from "../../../app/releases/read-repositories.ts";
import type { HttpCache } from "../../../core/ports/http-cache.ts";
import type { ScmProvider } from "../../../core/ports/scm.ts";
import { createLogger } from "../../../lib/logger.ts";
import { createMemoryCache } from "../memory-cache.ts";
import { startFakeGithub, type FakeGithub } from "./testing/fake-github.ts";
import { createProviderFor } from "./testing/github-workbench.ts";

const REPOSITORIES = 300;
const CHANGED = 40;

let fake: FakeGithub;
let cache: HttpCache;

beforeAll(async () => {
  fake = await startFakeGithub();
  const plain = await fake.create(nameOf(1));
  const root = await plain.commit("master", { title: "begin", files: { "a.txt": "one\n" } });
  await plain.move("uat", root);
  // What every merge on the page leaves behind: base is ahead of a head that has nothing new.
  const merged = await fake.create(nameOf(2), plain);
  await merged.commit("master", { title: "Merge pull request", files: { m: "m\n" } });
  for (let number = 3; number <= REPOSITORIES; number += 1) {
    const repository = await fake.create(nameOf(number), number % 2 === 0 ? merged : plain);
    if (number > REPOSITORIES - CHANGED) {
      const sha = await repository.commit("uat", {
        title: `feat: change ${number}`,
        files: { "a.txt": `${number}\n`, "b.txt": "b\n" },
      });
      await repository.openPull({ base: "master", head: "uat", title: `Release ${number}` });
      repository.checks.set(sha, [{ name: "build", status: "COMPLETED", conclusion: "SUCCESS" }]);
    }
  }
}, 120_000);
afterAll(async () => {
  await fake.close();
});

function nameOf(number: number): string {
  return `acme/service-${String(number).padStart(3, "0")}`;
}

/** What creating and refreshing a release ask, through the use case that asks it. */
async function read(provider: ScmProvider) {
  fake.forgetRequests();
  const readings = await readRepositories(
    {
      scms: [provider],
      stopping: new AbortController().signal,
      logger: createLogger({ level: "silent" }),
    },
    { source: "uat", destination: "master", names: null, expected: [], known: new Map() },
  );
  return { readings, requests: fake.requests.length };
}

describe("requests for 300 repositories of which 40 changed", () => {
  it("are at most 12 and one for each changed one to create a release, with everything it shows", async () => {
    cache = createMemoryCache();
    const { readings, requests } = await read(
      createProviderFor(fake, { organization: "acme" }, { httpCache: cache }),
    );

    expect(readings.problems).toEqual([]);
    expect(readings.repositories).toHaveLength(REPOSITORIES);
    expect(readings.changed).toHaveLength(CHANGED);
    expect(readings.changed.every((one) => one.patchIdentity !== null)).toBe(true);
    const last = readings.changed.find(
      ({ comparison }) => comparison.repository.name === "service-300",
    );
    expect(last).toMatchObject({
      pullRequest: { title: "Release 300", state: "open" },
      ci: { state: "success", summary: "1 check passed" },
      comparison: { commitCount: 1, fileCount: 2, truncated: false },
    });
    expect(requests).toBeLessThanOrEqual(12 + CHANGED);
  });

  it("are at most 6 to refresh when nothing changed, also after a restart, and the lists cost nothing", async () => {
    const before = fake.used.core;
    const { readings, requests } = await read(
      createProviderFor(fake, { organization: "acme" }, { httpCache: cache }),
    );
    expect(readings.changed).toHaveLength(CHANGED);
    expect(requests).toBeLessThanOrEqual(6);
    expect(fake.used.core).toBe(before);
    expect(fake.requests.filter(({ status }) => status === 304)).toHaveLength(3);
  });

  it("are one more for one repository that changed since, and one for its modes", async () => {
    await fake
      .repository("acme/service-299")
      .commit("uat", { title: "fix: more", files: { c: "c\n" } });
    const { readings, requests } = await read(
      createProviderFor(fake, { organization: "acme" }, { httpCache: cache }),
    );
    const changed = readings.changed.find(
      ({ comparison }) => comparison.repository.name === "service-299",
    );
    expect(changed?.comparison.commitCount).toBe(2);
    expect(requests).toBeLessThanOrEqual(8);
  });
});
