import { describe, expect, it } from "vitest";
import type { ReleaseView } from "../../shared/contract/release.ts";
import { SignOffOutdated } from "../../shared/errors/catalog.ts";
import {
  buildApprovedRelease,
  buildRelease,
  buildSignOff,
  danaRef,
} from "../cards/testing/sample-views.ts";
import { createCommandHarness } from "./testing/command-harness.ts";

/** A release whose content and signatures the test moves. */
async function setUp() {
  const state: { release: ReleaseView } = { release: buildRelease() };
  const signed: {
    readonly by: string;
    readonly role: string;
    readonly fingerprint: string | undefined;
  }[] = [];
  const harness = await createCommandHarness({
    releases: {
      view: async () => state.release,
      async signOff(actor, number, { role, fingerprint }) {
        if (fingerprint !== state.release.fingerprint) {
          throw new SignOffOutdated({
            number,
            seen: fingerprint ?? "",
            current: state.release.fingerprint,
            changes: ["3 new commits in payments"],
          });
        }
        signed.push({ by: actor.username, role, fingerprint });
        state.release = buildRelease({
          fingerprint: state.release.fingerprint,
          signOffs: [buildSignOff(danaRef, "dev")],
          progress: [
            { role: "dev", needed: 1, have: 1, signedBy: [danaRef], eligible: [] },
            { role: "qa", needed: 1, have: 0, signedBy: [], eligible: [] },
          ],
        });
        return state.release;
      },
      async revokeSignOff(actor, _, { role, of }) {
        signed.push({
          by: `${actor.username} revokes ${of ?? "own"}`,
          role,
          fingerprint: undefined,
        });
        return buildRelease();
      },
    },
  });
  return { ...harness, state, signed };
}

describe("approve", () => {
  it("signs what the newest card in this place shows, and says what comes next", async () => {
    const { say, signed } = await setUp();
    await say("release 12");
    const answer = await say("approve 12 as dev");
    expect(signed).toEqual([{ by: "dana", role: "dev", fingerprint: "f1" }]);
    expect(answer).toContain("Dana signed release #12 as Dev");
    expect(answer).toContain("Next: `approve 12 as qa`.");
  });

  it("signs nothing where there was no card, but shows it and asks again", async () => {
    const { say, read, platform, signed } = await setUp();
    const answer = await say("approve 12 as dev");
    expect(signed).toEqual([]);
    expect(answer).toContain("Nothing was signed yet");
    expect(answer).toContain("There was no card of release #12 here");
    expect(platform.last("Nothing was signed yet").visibleTo).toBe("sub-dana");
    expect(read()[0]).toContain("Release #12: uat → master");
    await say("approve 12 as dev");
    expect(signed).toHaveLength(1);
  });

  it("does not count a card in another channel", async () => {
    const { say, signed } = await setUp();
    await say("release 12", "dana", "random");
    await say("approve 12 as dev", "dana", "releases");
    expect(signed).toEqual([]);
  });

  it("renews the card and asks again when the content is no longer what it shows", async () => {
    const { say, read, state, signed, clock } = await setUp();
    await say("release 12");
    await clock.advance(60_000);
    state.release = buildRelease({ fingerprint: "f2", lastChanges: ["payments: 3 new commits"] });
    const answer = await say("approve 12 as dev");
    expect(signed).toEqual([]);
    expect(answer).toContain("Release #12 is no longer what that card showed.");
    expect(answer).toContain("payments: 3 new commits");
    expect(read()[0]).toContain("Moved");
    await say("approve 12 as dev");
    expect(signed).toEqual([{ by: "dana", role: "dev", fingerprint: "f2" }]);
  });

  it("signs by a click exactly what the card shows, and edits that card", async () => {
    const { say, click, platform, read, signed } = await setUp();
    await say("release 12");
    await click("Approve as Dev");
    expect(signed).toEqual([{ by: "dana", role: "dev", fingerprint: "f1" }]);
    expect(read()).toEqual([expect.stringContaining("Dev 1/1: signed by Dana")]);
    expect(platform.last().edits).toBe(1);
  });

  it("signs nothing by a click on an outdated card; the card shows what it is now", async () => {
    const { say, click, read, state, signed } = await setUp();
    await say("release 12");
    state.release = buildRelease({ fingerprint: "f2", lastChanges: ["payments: 3 new commits"] });
    const answer = await click("Approve as Dev");
    expect(signed).toEqual([]);
    expect(answer).toContain("Nothing was signed yet");
    expect(read()[0]).toContain("payments: 3 new commits");
    await click("Approve as Dev");
    expect(signed).toEqual([{ by: "dana", role: "dev", fingerprint: "f2" }]);
  });

  it("renews the card when the content changes in the very moment of the click", async () => {
    const { say, click, read, state, signed } = await setUp();
    await say("release 12");
    const before = state.release;
    state.release = { ...before };
    Object.defineProperty(state.release, "fingerprint", {
      get: (() => {
        let reads = 0;
        return () => {
          reads += 1;
          return reads === 1 ? "f1" : "f2";
        };
      })(),
    });
    await click("Approve as Dev");
    expect(signed).toEqual([]);
    expect(read().join("\n")).toContain(
      "no longer what you saw: 3 new commits in payments. Nothing was signed.",
    );
  });

  it("answers a second click with the state, not with an error", async () => {
    const { say, click, platform } = await setUp();
    await say("release 12");
    const card = platform.last();
    await Promise.all([
      platform.click("Approve as Dev", { as: "sub-dana", on: card }),
      platform.click("Approve as Dev", { as: "sub-dana", on: card }),
    ]);
    expect(platform.messages).toHaveLength(2);
    expect(await say("approve 12 as dev")).toContain("You have signed release #12 as Dev already");
    await click("Approve as QA", "quinn");
  });

  it("asks for the role when it is missing", async () => {
    const { say } = await setUp();
    await say("release 12");
    expect(await say("approve 12")).toContain("in which role");
    expect(await say("approve")).toContain("which release");
  });
});

describe("revoke", () => {
  it("takes back one's own signature, or somebody else's by name", async () => {
    const { say, signed } = await setUp();
    expect(await say("revoke 12 as dev")).toContain(
      "Next: `approve 12 as dev` and `approve 12 as qa`.",
    );
    await say("revoke 12 as dev of dana", "adam");
    expect(signed.map(({ by }) => by)).toEqual(["dana revokes own", "adam revokes dana"]);
  });
});

describe("the card after full approval", () => {
  it("offers the deploy", async () => {
    const { say, state } = await setUp();
    state.release = buildApprovedRelease();
    expect(await say("release 12")).toContain("[Deploy] or say `deploy 12 to prod`");
  });
});
