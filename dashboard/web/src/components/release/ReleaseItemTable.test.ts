import { render, screen } from "@testing-library/vue";
import { describe, expect, it } from "vitest";
import type { ReleaseItemView } from "../../../../../shared/contract/release.ts";
import { buildRelease } from "../../testing/sample-release.ts";
import ReleaseItemTable from "./ReleaseItemTable.vue";

const item: ReleaseItemView = {
  id: "i1",
  service: "billing",
  repository: "acme/billing",
  path: "",
  baseSha: "a",
  headSha: "b",
  fromVersion: null,
  toVersion: null,
  commitCount: 1,
  commits: [],
  truncated: false,
  contributors: [],
  fileCount: 1,
  pullRequest: {
    number: 5,
    url: "https://git.example.com/acme/billing/pulls/5",
    state: "open",
    title: "Release #12",
  },
  ci: { state: "failure", url: "https://ci.example.com/7", summary: "2 of 3 failed" },
  breaking: false,
  migrations: [],
  excluded: false,
  excludedReason: null,
  dependsOn: [],
  wave: 1,
  deployedAt: null,
  landedAt: null,
  lastChange: null,
};

function show(changes: Partial<ReleaseItemView>, missingPullRequests: string[] = []) {
  render(ReleaseItemTable, {
    props: {
      release: buildRelease({ items: [{ ...item, ...changes }], missingPullRequests }),
      running: false,
    },
  });
}

describe("ReleaseItemTable", () => {
  it("links to the pull request and to the checks, and says how they stand", () => {
    show({});
    const pullRequest = screen.getByRole("link", {
      name: "Pull request 5 of acme/billing, open",
    });
    expect(pullRequest.getAttribute("href")).toBe("https://git.example.com/acme/billing/pulls/5");
    const checks = screen.getByRole("link", { name: "CI failure" });
    expect(checks.getAttribute("href")).toBe("https://ci.example.com/7");
  });

  it("says where a pull request is missing, and only where one can be opened", () => {
    show({ pullRequest: null, ci: null }, ["acme/billing"]);
    expect(screen.getByText("no pull request")).toBeTruthy();
    expect(screen.queryByRole("link")).toBeNull();
  });
});
