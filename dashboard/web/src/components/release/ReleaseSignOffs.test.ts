import { render, screen } from "@testing-library/vue";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { buildRelease } from "../../testing/sample-release.ts";
import ReleaseSignOffs from "./ReleaseSignOffs.vue";

const dana = { subject: "dana", username: "dana", name: "Dana" };

describe("ReleaseSignOffs", () => {
  it("offers the roles the person may sign in and tells who else can", async () => {
    const { emitted } = render(ReleaseSignOffs, {
      props: { release: buildRelease(), running: false },
    });

    await userEvent.click(screen.getByRole("button", { name: "Approve as QA" }));

    expect(emitted()["sign"]).toEqual([["qa"]]);
    expect(screen.getByText("0 of 1 signed")).toBeTruthy();
    expect(screen.getByText(/Can sign: Quinn/)).toBeTruthy();
  });

  it("says what changed since a signature that no longer counts", () => {
    render(ReleaseSignOffs, {
      props: {
        running: false,
        release: buildRelease({
          signOffs: [
            {
              id: "s1",
              role: "qa",
              person: dana,
              signedAt: "2026-11-21T08:00:00.000Z",
              fingerprint: "v1:old",
              state: "stale",
              changesSince: ["3 new commits in payments"],
              byAuthor: true,
              via: "room",
              revokedAt: null,
              revokedBy: null,
            },
          ],
        }),
      },
    });

    expect(screen.getByText(/no longer counts: 3 new commits in payments/)).toBeTruthy();
    expect(screen.getByText(/wrote commits of this release/)).toBeTruthy();
  });
});
