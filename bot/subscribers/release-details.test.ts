import { describe, expect, it } from "vitest";
import type { DomainEvent } from "../../shared/events/events.ts";
import { releaseDetail } from "./release-details.ts";

const facts = {
  seq: 1,
  id: "e1",
  occurredAt: new Date("2026-11-21T12:00:00.000Z"),
  correlationId: "c1",
  actor: { subject: "s-dana", username: "dana", name: "Dana", platform: "room" },
  subject: { kind: "release", id: "12" },
  related: [],
} as const;

describe(releaseDetail.name, () => {
  it.each<[string, DomainEvent, RegExp]>([
    [
      "edited notes, and that signatures stay",
      {
        ...facts,
        name: "release.edited",
        payload: { number: 12, field: "notes", before: "", after: "Auth first." },
      },
      /Dana changed the notes.*stay as they are/,
    ],
    [
      "an edited text about breaking changes",
      {
        ...facts,
        name: "release.edited",
        payload: { number: 12, field: "breaking_changes", before: "", after: "None." },
      },
      /breaking changes/,
    ],
    [
      "pull requests, and why there is none",
      {
        ...facts,
        name: "release.pull_requests_opened",
        payload: {
          number: 12,
          request: "r",
          opened: [{ repository: "acme/api", number: 5, url: "https://git.example.com/5" }],
          failed: [{ repository: "acme/web", reason: "it is archived.", remedy: "Exclude it." }],
        },
      },
      /acme\/web.*it is archived.*Exclude it.*acme\/api.*#5\]\(https:\/\/git\.example\.com\/5\)/,
    ],
    [
      "new dependencies",
      {
        ...facts,
        name: "release.dependencies_changed",
        payload: { number: 12, service: "api", before: [], after: ["auth"] },
      },
      /api now depends on auth/,
    ],
  ])("tells %s", (_what, event, words) => {
    expect(JSON.stringify(releaseDetail(event))).toMatch(words);
  });

  it("adds nothing for what the card shows well enough", () => {
    expect(
      releaseDetail({
        ...facts,
        name: "release.approved",
        payload: { number: 12, fingerprint: "f" },
      }),
    ).toBeUndefined();
  });
});
