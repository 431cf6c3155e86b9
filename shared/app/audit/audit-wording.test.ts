import { describe, expect, it } from "vitest";
import type { EventMap, EventName } from "../../events/events.ts";
import { EVENT_NAMES, auditText, isEventName } from "./audit-wording.ts";

const samples: { readonly [N in EventName]: EventMap[N] } = {
  "release.created": { number: 12, source: "uat", destination: "master", items: 1 },
  "release.refreshed": { number: 12, changes: ["payments: 3 new commits"], fingerprint: "f" },
  "release.edited": { number: 12, field: "breaking_changes", before: "", after: "x" },
  "release.item_excluded": { number: 12, services: ["payments", "billing"], reason: "not ready." },
  "release.item_included": { number: 12, services: ["payments"] },
  "release.dependencies_changed": { number: 12, service: "api", before: [], after: ["payments"] },
  "release.signed_off": { number: 12, role: "dev", fingerprint: "f", byAuthor: true },
  "release.sign_off_revoked": { number: 12, role: "dev", signer: "Dana", byAdministrator: true },
  "release.sign_off_outdated": {
    number: 12,
    signOffs: [{ role: "dev", subject: "s", name: "Dana", changes: [] }],
  },
  "release.approved": { number: 12, fingerprint: "f" },
  "release.approval_lost": { number: 12, why: "Dana revoked" },
  "release.rejected": { number: 12, reason: "broken" },
  "release.rejection_lifted": { number: 12 },
  "release.closed": { number: 12, reason: "not needed" },
  "release.status_changed": { number: 12, before: "pending", after: "approved" },
  "release.pull_requests_requested": { number: 12, request: "r", repositories: ["acme/api"] },
  "release.pull_requests_opened": {
    number: 12,
    request: "r",
    opened: [{ repository: "acme/api", number: 5, url: "https://git.example.com/5" }],
    failed: [{ repository: "acme/billing", reason: "it said no.", remedy: "Ask." }],
  },
  "release.item_landed": { number: 12, service: "api", branch: "master", sha: "0123456789abcdef" },
  "deployment.requested": {
    number: 7,
    environment: "prod",
    release: 12,
    kind: "deploy",
    services: ["api", "payments"],
  },
  "deployment.started": { number: 7, environment: "prod", release: 12 },
  "deployment.step_changed": {
    number: 7,
    environment: "prod",
    wave: 1,
    service: "api",
    stage: "verify",
    status: "failed",
    outcome: "health check said 503",
  },
  "deployment.resumed": { number: 7, environment: "prod", after: "a restart" },
  "deployment.cancel_requested": { number: 7, environment: "prod", then: "roll_back" },
  "deployment.finished": {
    number: 7,
    environment: "prod",
    release: null,
    kind: "rollback",
    status: "succeeded",
    summary: "2 services",
  },
  "environment.locked": { environment: "prod", reason: "incident", until: null },
  "environment.unlocked": { environment: "prod", why: "it was over" },
  "environment.held": { environment: "prod", reason: "rolled back" },
  "environment.resumed": { environment: "prod" },
  "environment.baseline_recorded": { environment: "prod", deployment: 1 },
  "service.restarted": { environment: "prod", service: "api", outcome: "healthy" },
  "service.saved": { service: "api", before: null, after: {} },
  "service.removed": { service: "api" },
  "team.saved": { team: "payments", before: {}, after: {} },
  "team.removed": { team: "payments" },
  "person.signed_in": { username: "dana", roles: ["dev", "viewer"] },
  "person.signed_out": { username: "dana" },
  "person.deactivated": { username: "dana", why: "the provider no longer knows them" },
  "person.sessions_ended": { username: "dana", count: 2 },
  "account.link_requested": {
    platform: "mattermost",
    workspace: "chat.example.com",
    userId: "mm1",
    displayName: "Dana [O]",
  },
  "account.linked": {
    account: "a",
    platform: "mattermost",
    workspace: "chat.example.com",
    userId: "mm1",
    displayName: "Dana O",
    username: "dana",
  },
  "account.unlinked": {
    account: "a",
    platform: "mattermost",
    workspace: "chat.example.com",
    userId: "mm1",
    displayName: null,
    username: "dana",
  },
  "token.created": { token: "t", name: "ci", scopes: ["read", "write"], owner: "dana" },
  "token.revoked": { token: "t", name: "ci", owner: "dana" },
  "work.retried": {
    work: "delivery-7",
    name: "chat.announce-release",
    about: "release/12",
    error: "upstream.unavailable: chat does not answer.",
  },
  "access.denied": { permission: "deployment.request", reason: "Vic may not deploy." },
};

describe(auditText.name, () => {
  it("knows every fact", () => {
    expect([...EVENT_NAMES].sort()).toEqual(Object.keys(samples).sort());
  });

  it.each(Object.entries(samples))("makes one sentence of %s", (name, payload) => {
    const text = auditText(name, payload);
    expect(text).toMatch(/^[A-Z].*[^.]\.$|^[a-z][\w.-]*\s.*[^.]\.$/);
    expect(text).not.toMatch(/undefined|null|\[object|NaN|\n/);
  });

  it.each([
    ["release.created", "Release #12 was created: uat → master, 1 service."],
    ["release.item_excluded", "payments and billing were excluded from release #12: not ready."],
    ["release.signed_off", "Release #12 was signed as dev by an author of its commits."],
    ["deployment.finished", "Rollback #7 in prod ended as succeeded: 2 services."],
    ["access.denied", "deployment.request was refused: Vic may not deploy."],
  ] as const)("says of %s: %s", (name, sentence) => {
    expect(auditText(name, samples[name])).toBe(sentence);
  });

  it("keeps what people wrote on one line and short", () => {
    const reason = `first line\nsecond \u202Eline ${"x".repeat(5_000)}`;
    const text = auditText("release.closed", { number: 1, reason });
    expect(text).toMatch(/^Release #1 was closed: first line second line x+….?$/);
    expect(text.length).toBeLessThan(400);
  });

  it("names what this version does not know", () => {
    expect(isEventName("release.teleported")).toBe(false);
    expect(isEventName("toString")).toBe(false);
    expect(auditText("release.teleported", {})).toBe(
      "release.teleported happened, which this version cannot describe.",
    );
  });
});
