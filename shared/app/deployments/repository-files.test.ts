import { describe, expect, it } from "vitest";
import { RepositoryUnknown, UpstreamRejected } from "../../errors/catalog.ts";
import { createManualClock } from "../../testing/clock.ts";
import { createFakeScm } from "../../testing/fake-scm.ts";
import { createRepositoryFinder } from "./find-repository.ts";
import { createRepositoryFiles } from "./repository-files.ts";

const never = new AbortController().signal;

describe(createRepositoryFiles, () => {
  const one = createFakeScm({ id: "fake:0" });
  const other = createFakeScm({ id: "fake:1" });
  const files = createRepositoryFiles(createRepositoryFinder([one, other], createManualClock()));
  one.repository("shop").commit("master", { title: "begin", files: { "stack.yml": "shop" } });
  const sha = other
    .repository("infra")
    .commit("main", { title: "begin", files: { "stack.yml": "infra" } });

  it("asks whoever serves the repository", async () => {
    expect(await files.resolve({ repository: "infra", branch: "main" }, never)).toBe(sha);
    const bytes = await files.read(
      { repository: "infra", sha, path: "stack.yml", maxBytes: 100 },
      never,
    );
    expect(Buffer.from(bytes ?? []).toString()).toBe("infra");
  });

  it("says which repository or branch there is not", async () => {
    await expect(files.resolve({ repository: "infra", branch: "master" }, never)).rejects.toThrow(
      UpstreamRejected,
    );
    await expect(files.resolve({ repository: "infra", branch: "master" }, never)).rejects.toThrow(
      'infra has no branch "master"',
    );
    await expect(
      files.read({ repository: "nowhere", sha, path: "stack.yml", maxBytes: 100 }, never),
    ).rejects.toThrow(RepositoryUnknown);
  });
});
