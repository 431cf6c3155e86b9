import { describe, expect, it } from "vitest";
import { systemActor } from "../../shared/core/actor.ts";
import type { StoredPost } from "../../shared/app/services.ts";
import { cardToText } from "../chat/card-to-text.ts";
import { createFakeServices } from "../chat/testing/fake-services.ts";
import { createLiveRenderer } from "./render-live.ts";
import { buildEnvironment, buildFailedDeployment, buildRelease } from "./testing/sample-views.ts";

const renderer = createLiveRenderer(
  createFakeServices({
    releases: { view: async (_, number) => buildRelease({ number }) },
    deployments: { view: async (_, number) => buildFailedDeployment({ number }) },
    environments: { view: async (_, name) => buildEnvironment({ name }) },
  }),
  systemActor,
);

describe(createLiveRenderer.name, () => {
  it.each([
    ["release/12", "Release #12: uat → master"],
    ["release/12/ready", "Release #12 is no longer ready to deploy"],
    ["deployment/7", "Deployment #7: release #12 to prod (failed)"],
    ["deployment/7/outcome", "Deployment #7: release #12 to prod failed"],
    ["environment/eu/prod", "eu/prod is open for deploys"],
  ])("draws %s under its own name", async (subject, words) => {
    const live = await renderer.bySubject(subject);
    expect(live?.subject).toBe(subject);
    expect(cardToText(live?.card ?? { title: "", tone: "info", blocks: [] })).toContain(words);
  });

  it.each(["", "release", "release/", "release/x", "release/0", "release/12/other", "team/x"])(
    "knows nothing called %j",
    async (subject) => {
      expect(await renderer.bySubject(subject)).toBeUndefined();
    },
  );

  it("goes on saying why approval was lost", async () => {
    const previous: StoredPost = {
      subject: "release/12/ready",
      platform: "fake",
      channelId: "releases",
      threadId: null,
      messageId: "m1",
      contentHash: "",
      shown: { why: "Quinn revoked it." },
      postedAt: new Date(0),
      editedAt: null,
    };
    const live = await renderer.bySubject(previous.subject, previous);
    expect(JSON.stringify(live?.card)).toContain("Quinn revoked it");
  });
});
