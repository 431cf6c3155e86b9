import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Services } from "../../shared/app/services.ts";
import type { ServiceView } from "../../shared/contract/catalog.ts";
import { systemActor } from "../../shared/core/actor.ts";
import type { DeploymentView } from "../../shared/contract/deployment.ts";
import type { EnvironmentView } from "../../shared/contract/environment.ts";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { UpstreamUnavailable } from "../../shared/errors/catalog.ts";
import type { DomainEvent, EventMap, EventName } from "../../shared/events/events.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { createManualClock } from "../../shared/testing/clock.ts";
import {
  buildApprovedRelease,
  buildDeployment,
  buildEnvironment,
  buildFailedDeployment,
  buildRelease,
  buildSignOff,
  danaRef,
  quinnRef,
} from "../cards/testing/sample-views.ts";
import { createAddresses } from "../chat/addresses.ts";
import { createActionTokens } from "../chat/action-tokens.ts";
import { createPosts } from "../chat/posts.ts";
import { createFakePlatform, textOf } from "../chat/testing/fake-platform.ts";
import { createFakeServices } from "../chat/testing/fake-services.ts";
import { environmentLive } from "../cards/environment-live.ts";
import { createChatSubscribers } from "./index.ts";

const signal = new AbortController().signal;

interface State {
  release: ReleaseView;
  deployment: DeploymentView;
  environment: EnvironmentView;
  undone: DeploymentView[];
}

async function setUp(
  installation: Partial<Services["installation"]> = {},
  notifications: Partial<Services["notifications"]> = {},
) {
  const clock = createManualClock();
  const state: State = {
    release: buildRelease(),
    deployment: buildDeployment(),
    environment: buildEnvironment(),
    undone: [],
  };
  let seq = 0;
  const options = { now: () => clock.now() };
  const fake = createFakePlatform(options);
  const other = createFakePlatform({ ...options, id: "other" });
  Object.assign(other.features, { usersAreSubjects: false });
  const platforms = new Map([fake, other].map((platform) => [platform.id, platform]));
  const services = createFakeServices({
    releases: {
      view: async () => state.release,
      list: async () => ({ items: [state.release], total: 1 }),
    },
    environments: { view: async () => state.environment },
    live: { lastSeq: async () => seq },
    deployments: {
      view: async (_, number) =>
        state.undone.find((deployment) => deployment.number === number) ?? state.deployment,
      list: async () => ({ items: state.undone, total: state.undone.length }),
      logs: async (_, __, { after = 0 }) => ({
        items:
          after > 0
            ? []
            : [
                {
                  id: 1,
                  at: "2026-11-25T12:00:00.000Z",
                  service: "auth-service",
                  stage: "verify" as const,
                  line: "connect ECONNREFUSED",
                },
              ],
        next: 1,
      }),
    },
    catalog: {
      listServices: async (_, { team }) => ({
        items: team === "auth" ? [buildService("auth-service")] : [],
        total: 1,
      }),
    },
    notifications,
    installation: {
      announce: ["fake:releases", "other:ops", "absent:channel", "nonsense"],
      ...installation,
    },
  });
  const tokens = createActionTokens({ chatStore: services.chatStore, clock });
  const logger = createLogger({ level: "silent" });
  const posts = createPosts({
    chatStore: services.chatStore,
    platforms,
    tokens,
    logger,
    clock,
    timers: clock,
  });
  const addresses = createAddresses({
    notifications: services.notifications,
    platforms,
    clock,
  });
  const subscribers = createChatSubscribers({
    services,
    posts,
    platforms,
    addresses,
    systemActor,
  });

  /** Makes a fact known to whoever reads it; twice, because facts come at least once. */
  async function happen<N extends EventName>(
    name: N,
    payload: EventMap[N],
    actor = { subject: "sub-dana", username: "dana", name: "Dana", platform: "room" },
  ): Promise<void> {
    seq += 1;
    const event = {
      name,
      payload,
      seq,
      id: `event-${seq}`,
      occurredAt: clock.now(),
      correlationId: "c",
      actor,
      subject: { kind: "release", id: "12" },
      related: [],
    } as DomainEvent;
    for (const subscriber of subscribers.filter(({ events }) => events.includes(name))) {
      await subscriber.handle(event, signal);
      await subscriber.handle(event, signal);
    }
    await clock.advance(10_000);
  }

  const inChannel = (channelId = "releases") =>
    fake.messages
      .filter((message) => message.channelId === channelId && message.threadId === undefined)
      .map(textOf);
  const inThreads = () =>
    fake.messages.filter(({ threadId }) => threadId !== undefined).map(textOf);
  return { state, services, fake, other, posts, subscribers, happen, inChannel, inThreads };
}

const slipway = { subject: "system", username: "slipway", name: "Slipway", platform: "system" };

const requested = {
  number: 7,
  environment: "prod",
  release: 12,
  kind: "deploy" as const,
  services: ["auth-service"],
};

const created = { number: 12, source: "uat", destination: "master", items: 2 };

function buildService(name: string): ServiceView {
  return {
    name,
    repository: name,
    path: "",
    team: "auth",
    owner: null,
    channel: null,
    dependsOn: [],
    origin: "declared",
  };
}

describe("a release in the channels", () => {
  it("is announced once, in every announcement channel that exists", async () => {
    const { happen, inChannel, other } = await setUp();
    await happen("release.created", created);
    expect(inChannel()).toEqual([expect.stringContaining("Release #12: uat → master")]);
    expect(other.messages).toHaveLength(1);
  });

  it("is announced where its environment and its services are of interest", async () => {
    const all = { environments: null, teams: null };
    const { happen, inChannel } = await setUp({
      announcements: [
        { ...all, place: "fake:prod", environments: ["prod"] },
        { ...all, place: "fake:preprod", environments: ["preprod"] },
        { ...all, place: "fake:auth", teams: ["auth"] },
        { ...all, place: "fake:others", teams: ["others"] },
      ],
    });
    await happen("release.created", created);
    await happen("deployment.requested", requested);
    await happen("environment.locked", {
      environment: "prod",
      reason: "maintenance",
      until: null,
    });
    const whole = ["Release #12", "Deployment #7", "prod"].map((words): unknown =>
      expect.stringContaining(words),
    );
    expect(["prod", "auth", "preprod", "others"].map(inChannel)).toEqual([
      whole,
      whole,
      [],
      // A lock concerns every team.
      [expect.stringContaining("prod")],
    ]);
  });

  it("stays in step wherever it was posted, by edits", async () => {
    const { state, happen, inChannel, posts, fake } = await setUp();
    await happen("release.created", created);
    await posts.keep({ platform: "fake", channelId: "random" }, "release/12", async () => ({
      subject: "release/12",
      shown: {},
      card: { title: "old", tone: "info", blocks: [] },
    }));
    state.release = buildRelease({ signOffs: [buildSignOff(quinnRef, "qa")], fingerprint: "f2" });
    await happen("release.signed_off", {
      number: 12,
      role: "qa",
      fingerprint: "f2",
      byAuthor: false,
    });
    expect(inChannel()).toHaveLength(1);
    expect(inChannel("random")).toEqual([expect.stringContaining("Release #12")]);
    expect(inChannel("random")).toEqual(inChannel());
    expect(
      (await posts.find({ platform: "fake", channelId: "random" }, "release/12"))?.shown,
    ).toEqual({
      fingerprint: "f2",
    });
    expect(fake.messages.every((message) => message.edits === 1)).toBe(true);
  });

  it("is announced as ready to deploy in a message of its own", async () => {
    const { state, happen, inChannel } = await setUp();
    await happen("release.created", created);
    state.release = buildApprovedRelease();
    await happen("release.approved", { number: 12, fingerprint: "f1" });
    expect(inChannel()).toHaveLength(2);
    expect(inChannel()[1]).toContain("Release Ready to Deploy");
    expect(inChannel()[0]).toContain("approved, ready to deploy");
  });

  it("edits that announcement when approval is lost, says why, and keeps saying it", async () => {
    const { state, happen, inChannel } = await setUp();
    state.release = buildApprovedRelease();
    await happen("release.approved", { number: 12, fingerprint: "f1" });
    state.release = buildRelease();
    await happen("release.approval_lost", {
      number: 12,
      why: "Quinn revoked their sign-off as qa.",
    });
    await happen("release.edited", { number: 12, field: "notes", before: "", after: "x" });
    expect(inChannel()).toHaveLength(1);
    expect(inChannel()[0]).toContain("Release #12 is no longer ready to deploy");
    expect(inChannel()[0]).toContain("Why: Quinn revoked their sign-off as qa.");
    expect(inChannel()[0]).not.toContain("[Deploy]");
  });

  it("is announced again below when it is approved again", async () => {
    const { state, happen, inChannel } = await setUp();
    state.release = buildApprovedRelease();
    await happen("release.approved", { number: 12, fingerprint: "f1" });
    state.release = buildRelease();
    await happen("release.approval_lost", { number: 12, why: "New commits." });
    state.release = buildApprovedRelease({ fingerprint: "f2" });
    await happen("release.approved", { number: 12, fingerprint: "f2" });
    expect(inChannel()).toHaveLength(2);
    expect(inChannel()[0]).toContain("Moved");
    expect(inChannel()[1]).toContain("Release Ready to Deploy");
    expect(inChannel()[1]).not.toContain("New commits.");
  });

  it("is not announced as ready when approval is gone before anybody could read it", async () => {
    const { happen, inChannel } = await setUp();
    await happen("release.approved", { number: 12, fingerprint: "f1" });
    expect(inChannel()).toEqual([]);
  });

  it("still announces a release that was deployed at once", async () => {
    const { state, happen, inChannel } = await setUp();
    state.release = buildApprovedRelease({ status: "deploying" });
    await happen("release.approved", { number: 12, fingerprint: "f1" });
    expect(inChannel()[0]).toContain("Release Ready to Deploy (#12 is being deployed now)");
  });

  it("puts details into the thread of its card, once", async () => {
    const { happen, inThreads } = await setUp();
    await happen("release.created", created);
    await happen("release.refreshed", {
      number: 12,
      changes: ["payments: 3 new commits"],
      fingerprint: "f2",
    });
    await happen("release.refreshed", { number: 12, changes: [], fingerprint: "f2" });
    await happen("release.rejected", { number: 12, reason: "@channel **broken**" });
    expect(inThreads()).toEqual([
      "New content\n• payments: 3 new commits",
      "Rejected\nDana rejected it: @channel **broken**",
    ]);
  });

  it("keeps the living platforms going when one is dead, and catches up when the fact comes again", async () => {
    const { happen, inChannel, other } = await setUp();
    other.breakWith(new UpstreamUnavailable({ system: "other", operation: "posting" }));
    await expect(happen("release.created", created)).rejects.toThrow("other does not answer");
    expect(inChannel()).toHaveLength(1);
    other.breakWith(undefined);
    await happen("release.created", created);
    expect(inChannel()).toHaveLength(1);
    expect(other.messages).toHaveLength(1);
  });
});

describe("people who must sign again", () => {
  const outdated = {
    number: 12,
    signOffs: [
      { role: "dev", subject: "sub-dana", name: "Dana", changes: ["3 new commits in payments"] },
    ],
  };

  it("get a direct message with what changed, once, and nobody else does", async () => {
    const { happen, fake, other } = await setUp();
    await happen("release.sign_off_outdated", outdated);
    expect(fake.messages.map(({ channelId }) => channelId)).toEqual(["dm:sub-dana"]);
    expect(textOf(fake.last())).toContain(
      "Your sign-off as dev no longer counts: 3 new commits in payments since you signed.",
    );
    expect(textOf(fake.last())).toContain("[Approve as Dev] or say `approve 12 as dev`");
    expect(other.messages).toEqual([]);
  });

  it("are written to on one platform, the one where they live", async () => {
    const linked = [{ platform: "other", workspace: "w", userId: "U-dana" }];
    const { happen, fake, other } = await setUp({}, { accountsOf: async () => linked });
    await happen("release.sign_off_outdated", outdated);
    expect(other.messages.map(({ channelId }) => channelId)).toEqual(["dm:U-dana"]);
    expect(fake.messages).toEqual([]);
  });

  it("are left alone when they wish so", async () => {
    const quiet = { digest: "off", digestAt: "09:00", timeZone: "UTC", platform: null } as const;
    const { happen, fake, other } = await setUp(
      {},
      { settings: async () => ({ ...quiet, direct: false, mutedUntil: null }) },
    );
    await happen("release.sign_off_outdated", outdated);
    expect([...fake.messages, ...other.messages]).toEqual([]);
  });

  it("read what changed until now, when more has changed since the fact", async () => {
    const { state, happen, fake } = await setUp();
    state.release = buildRelease({
      signOffs: [
        buildSignOff(danaRef, "dev", {
          state: "stale",
          changesSince: ["5 new commits in payments"],
        }),
      ],
    });
    await happen("release.sign_off_outdated", outdated);
    expect(textOf(fake.last())).toContain("5 new commits in payments");
  });

  it("are left alone when they have signed again already", async () => {
    const { state, happen, fake } = await setUp();
    const progress = { role: "dev", needed: 2, have: 1, signedBy: [danaRef], eligible: [] };
    state.release = buildRelease({
      progress: [progress],
      signOffs: [buildSignOff(danaRef, "dev")],
    });
    await happen("release.sign_off_outdated", outdated);
    expect(fake.messages).toEqual([]);
  });

  it("are left alone when the release is over or somebody else has signed", async () => {
    const { state, happen, fake } = await setUp();
    state.release = buildApprovedRelease();
    await happen("release.sign_off_outdated", outdated);
    state.release = buildRelease({
      progress: [{ role: "dev", needed: 1, have: 1, signedBy: [], eligible: [] }],
    });
    await happen("release.sign_off_outdated", outdated);
    expect(fake.messages).toEqual([]);
  });
});

describe("a deployment in the channels", () => {
  const step = {
    number: 7,
    environment: "prod",
    wave: 1,
    service: "auth-service",
    stage: "deploy",
    status: "succeeded",
    outcome: null,
  };

  it("is one card that is edited as it goes", async () => {
    const { state, happen, inChannel, fake } = await setUp();
    await happen("deployment.requested", requested);
    expect(inChannel()).toEqual([expect.stringContaining("in progress")]);
    state.deployment = buildDeployment({ status: "verifying" });
    await happen("deployment.step_changed", step);
    state.deployment = buildDeployment({ status: "succeeded" });
    await happen("deployment.finished", { ...requested, status: "succeeded", summary: "" });
    expect(inChannel()).toEqual([expect.stringContaining("(succeeded)")]);
    expect(fake.last().edits).toBe(2);
  });

  it("says a failure in a new message wherever it is watched, with the log in the thread", async () => {
    const { state, happen, inChannel, inThreads, posts } = await setUp();
    await happen("deployment.requested", requested);
    await posts.keep({ platform: "fake", channelId: "random" }, "deployment/7", async () => ({
      subject: "deployment/7",
      shown: {},
      card: { title: "old", tone: "info", blocks: [] },
    }));
    state.deployment = buildFailedDeployment();
    await happen("deployment.finished", { ...requested, status: "failed", summary: "" });
    for (const channel of ["releases", "random"]) {
      expect(inChannel(channel)).toEqual([
        expect.stringContaining("(failed)"),
        expect.stringContaining("[Retry] or say `retry 7`"),
      ]);
    }
    expect(inThreads()).toEqual([
      expect.stringContaining("connect ECONNREFUSED"),
      expect.stringContaining("connect ECONNREFUSED"),
    ]);
  });

  it("does not announce the baseline of the first start", async () => {
    const { happen, fake } = await setUp();
    await happen("deployment.requested", { ...requested, release: null }, slipway);
    await happen("deployment.step_changed", step);
    await happen("deployment.finished", {
      ...requested,
      release: null,
      status: "succeeded",
      summary: "",
    });
    expect(fake.messages).toEqual([]);
  });

  it("tells when the baseline failed, because somebody has to look at it", async () => {
    const { state, happen, inChannel } = await setUp();
    await happen("deployment.requested", { ...requested, release: null }, slipway);
    state.deployment = buildFailedDeployment({ release: null });
    await happen("deployment.finished", {
      ...requested,
      release: null,
      status: "failed",
      summary: "",
    });
    expect(inChannel()).toEqual([expect.stringContaining("Deployment #7: to prod failed")]);
  });

  it("announces the repetition of a baseline that somebody asked for", async () => {
    const { happen, inChannel } = await setUp();
    await happen("deployment.requested", { ...requested, release: null });
    expect(inChannel()).toHaveLength(1);
  });

  it("explains a failed step in the thread once, as soon as it fails", async () => {
    const { state, happen, inThreads } = await setUp();
    await happen("deployment.requested", requested);
    state.deployment = buildFailedDeployment({ status: "running" });
    await happen("deployment.step_changed", { ...step, status: "failed", outcome: "No answer." });
    expect(inThreads()).toEqual([
      expect.stringMatching(/^auth-service failed[^]*health check[^]*connect ECONNREFUSED/),
    ]);
    state.deployment = buildFailedDeployment();
    await happen("deployment.finished", { ...requested, status: "failed", summary: "" });
    expect(inThreads()).toHaveLength(1);
  });

  it.each([
    ["in the middle", true, 2],
    ["before anything was touched", false, 1],
  ])("that was stopped %s calls for action or not", async (_, carriesNewVersion, messages) => {
    const { state, happen, inChannel } = await setUp();
    await happen("deployment.requested", requested);
    const [first, ...others] = buildDeployment().results;
    state.deployment = buildDeployment({
      status: "aborted",
      results: [...(first ? [{ ...first, carriesNewVersion }] : []), ...others],
    });
    await happen("deployment.finished", { ...requested, status: "aborted", summary: "" });
    expect(inChannel()).toHaveLength(messages);
  });

  it("loses its buttons when a rollback has undone it", async () => {
    const { state, happen, inChannel } = await setUp();
    await happen("deployment.requested", requested);
    state.deployment = buildFailedDeployment();
    await happen("deployment.finished", { ...requested, status: "failed", summary: "" });
    expect(inChannel().filter((told) => told.includes("[Roll back]"))).toHaveLength(2);
    state.undone = [buildFailedDeployment({ status: "rolled_back" })];
    const rollback = { number: 8, environment: "prod", release: null, kind: "rollback" as const };
    state.deployment = buildDeployment({ ...rollback, status: "succeeded" });
    await happen("deployment.finished", { ...rollback, status: "succeeded", summary: "" });
    expect(inChannel().filter((told) => told.includes("[Roll back]"))).toHaveLength(0);
  });

  it("announces a rollback", async () => {
    const { state, happen, inChannel } = await setUp();
    state.deployment = buildDeployment({ kind: "rollback", release: null });
    await happen("deployment.requested", { ...requested, release: null, kind: "rollback" });
    expect(inChannel()).toEqual([expect.stringContaining("Rollback #7 of prod")]);
  });
});

describe("an environment in the channels", () => {
  const locked = { environment: "prod", reason: "Sale", until: null };
  const lock = { by: danaRef, reason: "Sale", since: "2026-11-25T11:00:00.000Z", until: null };

  it("is told once when it is locked and again, below, when it is unlocked", async () => {
    const { state, happen, inChannel } = await setUp();
    state.environment = buildEnvironment({ lock });
    await happen("environment.locked", locked);
    expect(inChannel()).toEqual([expect.stringMatching(/^prod is locked\n.*by Dana.*Sale/)]);
    state.environment = buildEnvironment();
    await happen("environment.unlocked", { environment: "prod", why: "unlocked by Olivia" });
    expect(inChannel()).toEqual([
      expect.stringContaining("Moved"),
      expect.stringMatching(/^prod is open for deploys\nNo longer locked: unlocked by Olivia\./),
    ]);
  });

  it("is not told again where it was locked", async () => {
    const { state, happen, inChannel, posts } = await setUp();
    state.environment = buildEnvironment({ lock });
    await posts.show(
      { platform: "fake", channelId: "releases" },
      environmentLive(state.environment),
      {
        since: new Date(0),
      },
    );
    await happen("environment.locked", locked);
    expect(inChannel()).toHaveLength(1);
  });

  it("tells of a hold, with the reason, and of its end", async () => {
    const { state, happen, inChannel } = await setUp();
    state.environment = buildEnvironment({ hold: { ...lock, reason: "Rolled back" } });
    await happen("environment.held", { environment: "prod", reason: "Rolled back" });
    expect(inChannel()[0]).toContain("Automation for prod is on hold");
    state.environment = buildEnvironment();
    await happen("environment.resumed", { environment: "prod" });
    expect(inChannel()[1]).toContain("Automation goes on: resumed by Dana.");
  });

  it("takes the Deploy button off the cards of releases that wait for it, says why, and gives it back", async () => {
    const { state, happen, inChannel } = await setUp();
    state.release = buildApprovedRelease();
    await happen("release.created", created);
    await happen("release.approved", { number: 12, fingerprint: "f1" });
    expect(inChannel().map((told) => told.includes("[Deploy]"))).toEqual([true, true]);
    state.environment = buildEnvironment({ lock });
    state.release = buildApprovedRelease({
      requirements: [
        {
          id: "not-locked",
          met: false,
          code: "environment.locked",
          reason: "prod is locked by Dana: Sale.",
          remedy: "Say `unlock prod`.",
        },
      ],
    });
    await happen("environment.locked", locked);
    for (const told of inChannel().slice(0, 2)) {
      expect(told).not.toContain("[Deploy]");
      expect(told).toContain("• prod is locked by Dana: Sale. Say `unlock prod`.");
    }
    state.environment = buildEnvironment();
    state.release = buildApprovedRelease();
    await happen("environment.unlocked", { environment: "prod", why: "unlocked by Dana" });
    expect(
      inChannel()
        .slice(0, 2)
        .map((told) => told.includes("[Deploy]")),
    ).toEqual([true, true]);
  });
});

describe(createChatSubscribers.name, () => {
  it("gives each platform its own, under stable, different names", async () => {
    const { subscribers } = await setUp();
    expect(subscribers.map(({ name }) => name)).toEqual(
      ["fake", "other"].flatMap((platform) => [
        `chat-announce-release@${platform}`,
        `chat-announce-sign-off@${platform}`,
        `chat-announce-deployment@${platform}`,
        `chat-announce-environment@${platform}`,
        `chat-announce-account@${platform}`,
      ]),
    );
  });

  it("has one for every announcer in the folder", async () => {
    const { subscribers } = await setUp();
    const files = readdirSync(new URL(".", import.meta.url)).filter((file) =>
      /^announce-[a-z-]+(?<!\.test)\.ts$/.test(file),
    );
    const names = subscribers.map(({ name }) => name.replace(/^chat-(.*)@.*$/, "$1.ts"));
    expect([...new Set(names)].sort()).toEqual(files.sort());
  });

  it("gives a fact back when the platform never answers", async () => {
    const { subscribers, fake } = await setUp();
    fake.post = () => new Promise(() => undefined);
    const timeout = new AbortController();
    const handled = subscribers[0]?.handle(
      {
        name: "release.created",
        payload: created,
        seq: 1,
        id: "e1",
        occurredAt: new Date(0),
        correlationId: "c",
        actor: slipway,
        subject: { kind: "release", id: "12" },
        related: [],
      },
      timeout.signal,
    );
    timeout.abort(new Error("too late"));
    await expect(handled).rejects.toThrow("too late");
  });
});

describe("an account that was linked", () => {
  const linked = {
    account: "account-1",
    workspace: "",
    userId: "chatty",
    displayName: "Chatty",
    username: "dana",
  };

  it("hears of it once, alone, where it is", async () => {
    const { happen, fake, other } = await setUp();
    await happen("account.linked", { ...linked, platform: "other" });
    expect(fake.messages).toEqual([]);
    expect(other.messages.map(({ channelId }) => channelId)).toEqual(["dm:chatty"]);
    expect(textOf(other.last())).toContain("This account is linked to Dana.");
    await happen("account.linked", { ...linked, account: "account-2", platform: "other" });
    expect(other.messages).toHaveLength(2);
  });
});
