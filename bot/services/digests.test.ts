import { describe, expect, it } from "vitest";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { systemActor } from "../../shared/core/actor.ts";
import { UpstreamUnavailable } from "../../shared/errors/catalog.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { createManualClock } from "../../shared/testing/clock.ts";
import { buildRelease, danaRef, quinnRef } from "../cards/testing/sample-views.ts";
import { createActionTokens } from "../chat/action-tokens.ts";
import type { Address } from "../chat/addresses.ts";
import { createPosts } from "../chat/posts.ts";
import { createFakePlatform, textOf } from "../chat/testing/fake-platform.ts";
import { createFakeServices } from "../chat/testing/fake-services.ts";
import { createDigests } from "./digests.ts";

const signal = new AbortController().signal;

function pending(number: number, changes: Partial<ReleaseView> = {}): ReleaseView {
  return buildRelease({
    number,
    status: "pending",
    createdAt: "2026-11-24T09:00:00.000Z",
    progress: [
      { role: "dev", needed: 1, have: 0, signedBy: [], eligible: [danaRef] },
      { role: "qa", needed: 1, have: 1, signedBy: [quinnRef], eligible: [quinnRef] },
    ],
    ...changes,
  });
}

function setUp(releases: readonly ReleaseView[]) {
  const clock = createManualClock(new Date("2026-11-25T09:00:00.000Z"));
  const logger = createLogger({ level: "silent" });
  const fake = createFakePlatform({ now: () => clock.now() });
  const other = createFakePlatform({ id: "other", now: () => clock.now() });
  const platforms = new Map([fake, other].map((platform) => [platform.id, platform]));
  const state = {
    due: [danaRef, quinnRef].map(({ subject }) => ({ subject, day: "2026-11-25" })),
    views: 0,
  };
  const services = createFakeServices({
    releases: {
      list: async () => ({ items: [...releases], total: releases.length }),
      async view(_, number) {
        state.views += 1;
        return releases.find((release) => release.number === number) ?? pending(number);
      },
    },
    notifications: { digestsDue: async () => state.due },
  });
  const { chatStore } = services;
  const tokens = createActionTokens({ chatStore, clock });
  const addresses = new Map<string, Address>([
    [danaRef.subject, { platform: "fake", userId: "U-dana" }],
    [quinnRef.subject, { platform: "other", userId: "U-quinn" }],
  ]);
  const create = () =>
    createDigests({
      services,
      posts: createPosts({ chatStore, platforms, tokens, logger, clock, timers: clock }),
      addresses: {
        of: async (subject) => addresses.get(subject) ?? null,
        atOnce: async () => null,
      },
      systemActor,
      clock,
      logger,
    });
  return { clock, fake, other, state, addresses, create, digests: create() };
}

describe(createDigests.name, () => {
  it("tells each person once a day what waits for them, where they want to be told", async () => {
    const { digests, fake, other, state } = setUp([pending(12), pending(13)]);
    await digests.run(signal);
    await digests.run(signal);
    expect(fake.messages.map(({ channelId }) => channelId)).toEqual(["dm:U-dana"]);
    const told = textOf(fake.last());
    expect(told).toMatch(
      /^2 releases wait for your sign-off\n• #12 .*: as Dev, made 1 d ago\n• #13/,
    );
    expect(told).toContain("[Show release #12] or say `release 12`");
    // Nobody waits for Quinn any more.
    expect(other.messages).toEqual([]);

    state.due = [{ subject: danaRef.subject, day: "2026-11-26" }];
    await digests.run(signal);
    expect(fake.messages).toHaveLength(2);
  });

  it("says it once although the process is another one", async () => {
    const { create, digests, fake } = setUp([pending(12)]);
    await digests.run(signal);
    await create().run(signal);
    expect(fake.messages).toHaveLength(1);
  });

  it("is silent about what was made just now, and when nothing waits", async () => {
    const fresh = pending(12, { createdAt: "2026-11-25T08:30:00.000Z" });
    const { digests, fake, other } = setUp([fresh]);
    await digests.run(signal);
    expect([...fake.messages, ...other.messages]).toEqual([]);
  });

  it("looks at no release when it is nobody's turn", async () => {
    const { digests, state } = setUp([pending(12)]);
    state.due = [];
    await digests.run(signal);
    expect(state.views).toBe(0);
  });

  it("tells the others when one platform is away, and that one's people when it is back", async () => {
    const everybody = [
      { role: "dev", needed: 2, have: 0, signedBy: [], eligible: [danaRef, quinnRef] },
    ];
    const { digests, fake, other } = setUp([pending(12, { progress: everybody })]);
    fake.breakWith(new UpstreamUnavailable({ system: "fake", operation: "posting", why: "away" }));
    await digests.run(signal);
    expect(other.messages).toHaveLength(1);
    fake.breakWith(undefined);
    await digests.run(signal);
    expect([fake.messages.length, other.messages.length]).toEqual([1, 1]);
  });

  it("counts what is too much to list", async () => {
    const many = Array.from({ length: 25 }, (_, index) => pending(index + 1));
    const { digests, fake } = setUp(many);
    await digests.run(signal);
    const told = textOf(fake.last());
    expect(told).toContain("25 releases wait for your sign-off");
    expect(told).toContain("…and 15 more: `releases pending`");
    expect(told.match(/\[Show release/g)).toHaveLength(5);
  });
});
