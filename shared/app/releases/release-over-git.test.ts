import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment } from "../../config/environment.ts";
import { SignOffOutdated } from "../../errors/catalog.ts";
import { createGitScm } from "../../integrations/scm/git/index.ts";
import { GitOptions } from "../../integrations/scm/git/options.ts";
import {
  commitTo,
  git,
  initRepository,
  makeFolder,
} from "../../integrations/scm/git/testing/git-workbench.ts";
import { createReleaseBench, person, type ReleaseBench } from "./testing/release-bench.ts";

const pair = { source: "uat", destination: "master" };
const dana = person("dana");
const quinn = person("quinn");
const author = { name: "Dana", email: "dana@example.com" };

let folder: Awaited<ReturnType<typeof makeFolder>>;
let bench: ReleaseBench;

beforeEach(async () => {
  folder = await makeFolder();
  const scm = createGitScm(GitOptions.parse({ root: "repos" }), {
    id: "git:0",
    dataDirectory: join(folder.path, "data"),
    baseDir: folder.path,
    processEnvironment: readEnvironment(),
  });
  bench = await createReleaseBench({ scms: [scm] });
});
afterEach(async () => {
  await bench.close();
  await folder.remove();
});

describe("a release of real git repositories", () => {
  it("goes from comparison to approval, and back when a commit slips in", async () => {
    const billing = await addRepository("billing", { "src/a.ts": "1\n" });
    await addRepository("auth", { "db/migrations/1.sql": "create table x;\n" });
    const created = await bench.services.create(dana, pair);
    expect(created.items).toMatchObject([
      { service: "auth", migrations: ["db/migrations/1.sql"], commitCount: 1 },
      {
        service: "billing",
        headSha: await tip(billing, "uat"),
        baseSha: await tip(billing, "master"),
      },
    ]);
    const { fingerprint } = created;
    await bench.services.signOff(dana, 1, { role: "dev", fingerprint });
    expect((await bench.services.signOff(quinn, 1, { role: "qa", fingerprint })).status).toBe(
      "approved",
    );

    await commitTo(billing, "uat", { title: "fix: late", files: { "late.ts": "1\n" } });
    const refreshed = await bench.services.refresh(dana, 1);

    expect(refreshed).toMatchObject({ status: "pending", lastChanges: ["billing: 1 new commit"] });
    expect(refreshed.signOffs.map(({ state }) => state)).toEqual(["stale", "stale"]);
    await expect(
      bench.services.signOff(dana, 1, { role: "dev", fingerprint }),
    ).rejects.toBeInstanceOf(SignOffOutdated);
  });

  it("keeps the signatures when master is merged into uat", async () => {
    const billing = await addRepository("billing", { "src/a.ts": "1\n" });
    await bench.services.create(dana, pair);
    await bench.services.signOff(dana, 1, { role: "dev" });
    await bench.services.signOff(quinn, 1, { role: "qa" });
    const hotfix = await commitTo(billing, "master", {
      title: "fix: hot",
      files: { "hot.ts": "1\n" },
    });
    const behind = await bench.services.refresh(dana, 1);
    expect(behind.requirements.map(({ code }) => code)).toContain("destination.moved");

    await commitTo(billing, "uat", {
      title: "Merge branch 'master' into uat",
      parents: [await tip(billing, "uat"), hotfix],
      files: { "hot.ts": "1\n" },
    });
    const merged = await bench.services.refresh(dana, 1);

    expect(merged.status).toBe("approved");
    expect(merged.requirements.filter(({ met }) => !met)).toEqual([]);
  });

  it("asks again after a force-push that changes the content", async () => {
    const billing = await addRepository("billing", { "src/a.ts": "1\n" });
    await bench.services.create(dana, pair);
    await bench.services.signOff(dana, 1, { role: "dev" });
    await git(billing, ["update-ref", "refs/heads/uat", await tip(billing, "master")]);
    await commitTo(billing, "uat", { title: "feat: other", files: { "src/b.ts": "2\n" } });

    const release = await bench.services.refresh(dana, 1);

    expect(release.signOffs[0]).toMatchObject({
      state: "stale",
      changesSince: ["the commits of billing were replaced by others"],
    });
  });

  it("compares the others when one is empty and one is broken", async () => {
    await addRepository("billing", { "src/a.ts": "1\n" });
    await initRepository(join(folder.path, "repos", "empty"), "work tree");
    const broken = await addRepository("broken", { "src/a.ts": "1\n" });
    await git(broken, ["update-ref", "-d", "refs/heads/master"]);

    const release = await bench.services.create(dana, pair);

    expect(release.items.map(({ service }) => service)).toEqual(["billing"]);
    expect(release.problems.map(({ repository, code }) => [repository, code])).toEqual([
      ["broken", "branch_missing"],
      ["empty", "repository_empty"],
    ]);
  });
});

async function addRepository(name: string, files: Record<string, string>): Promise<string> {
  const directory = join(folder.path, "repos", name);
  await mkdir(directory, { recursive: true });
  await initRepository(directory, "work tree");
  const root = await commitTo(directory, "master", {
    title: "chore: begin",
    authors: [author],
    files: { "README.md": `${name}\n` },
  });
  await commitTo(directory, "uat", {
    title: "feat: change",
    authors: [author],
    parents: [root],
    files,
  });
  return directory;
}

function tip(directory: string, branch: string): Promise<string> {
  return git(directory, ["rev-parse", branch]);
}
