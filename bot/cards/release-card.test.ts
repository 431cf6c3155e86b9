import { describe, expect, it } from "vitest";
import type { Card } from "../chat/card.ts";
import { cardToText, pressableItems } from "../chat/card-to-text.ts";
import { hostile } from "../chat/testing/sample-cards.ts";
import { orderCard } from "./order-card.ts";
import { readyCard, readyLive } from "./ready-card.ts";
import { releaseCard, releaseLive } from "./release-card.ts";
import {
  buildApprovedRelease,
  buildItem,
  buildRelease,
  buildSignOff,
  danaRef,
} from "./testing/sample-views.ts";
import { whoCard } from "./who-card.ts";
import { whyCard } from "./why-card.ts";

function labels(card: Card): readonly string[] {
  return pressableItems(card).map((item) => item.label);
}

describe(releaseCard.name, () => {
  it("says everything a person needs before they sign", () => {
    const told = cardToText(releaseCard(buildRelease()));
    expect(told).toContain("Release #12: uat → master (waiting for sign-off)");
    expect(told).toContain("2 repositories, 2 services, 6 commits");
    expect(told).toContain("Dev 0/1: not signed yet; can sign: Dana, Robin");
    expect(told).toContain("auth-service | 3 | aaaaaaaa → bbbbbbbb");
    expect(told).toContain("Wave 1: auth-service");
    expect(told).toContain("Next: `approve 12 as dev` and `approve 12 as qa`.");
    expect(told).toContain("Open dashboard: https://slipway.example.com/releases/12");
  });

  it.each([
    ["pending", buildRelease(), ["Approve as Dev", "Approve as QA", "Refresh", "Plan"]],
    ["approved", buildApprovedRelease(), ["Deploy", "Refresh", "Plan"]],
    ["deploying", buildApprovedRelease({ status: "deploying" }), []],
    ["deployed", buildApprovedRelease({ status: "deployed" }), []],
    ["failed", buildApprovedRelease({ status: "failed" }), ["Refresh", "Plan"]],
    ["rejected", buildRelease({ status: "rejected" }), ["Refresh", "Plan"]],
    ["cancelled", buildRelease({ status: "cancelled" }), []],
    [
      "approved without an environment",
      buildApprovedRelease({ targetEnvironment: null }),
      ["Refresh"],
    ],
  ])("offers what makes sense now: %s", (_, release, expected) => {
    expect(labels(releaseCard(release))).toEqual(expected);
  });

  it("offers to open pull requests only where one is missing and can be opened", () => {
    const missingPullRequests = ["acme/billing"];
    expect(labels(releaseCard(buildRelease({ missingPullRequests })))).toContain(
      "Open pull requests",
    );
    for (const status of ["deploying", "deployed", "cancelled"] as const) {
      const release = buildApprovedRelease({ status, missingPullRequests });
      expect(labels(releaseCard(release))).not.toContain("Open pull requests");
    }
  });

  it("links to the checks that hold up an approved release", () => {
    const release = buildApprovedRelease({
      requirements: [
        {
          id: "ci-green",
          met: false,
          code: "ci.failed",
          reason: "The checks of billing failed: 2 of 3.",
          remedy: "Mend them and say `refresh 12`.",
          url: "https://ci.example.com/runs/(7)",
        },
      ],
    });
    const told = cardToText(releaseCard(release));
    expect(told).toContain("Details (https://ci.example.com/runs/%287%29)");
  });

  it("asks only for the roles that are missing", () => {
    const release = buildRelease({
      signOffs: [buildSignOff(danaRef, "dev", { byAuthor: true })],
      progress: [
        { role: "dev", needed: 1, have: 1, signedBy: [danaRef], eligible: [] },
        { role: "qa", needed: 1, have: 0, signedBy: [], eligible: [] },
      ],
    });
    const card = releaseCard(release);
    expect(labels(card)).toEqual(["Approve as QA", "Refresh", "Plan"]);
    const told = cardToText(card);
    expect(told).toContain("Dev 1/1: signed by Dana (wrote some of it)");
    expect(told).toContain("QA 0/1: not signed yet; nobody can sign");
    expect(told).toContain("Next: `approve 12 as qa`.");
  });

  it("tells whose sign-off no longer counts, and why", () => {
    const stale = buildSignOff(danaRef, "dev", {
      state: "stale",
      changesSince: ["3 new commits in payments"],
    });
    expect(cardToText(releaseCard(buildRelease({ signOffs: [stale] })))).toContain(
      "Dana's sign-off as dev no longer counts: 3 new commits in payments since then.",
    );
    const again = buildSignOff(danaRef, "dev", { id: "2" });
    expect(cardToText(releaseCard(buildRelease({ signOffs: [stale, again] })))).not.toContain(
      "no longer counts",
    );
  });

  it("warns of breaking changes, migrations, failing checks, cycles and what was not compared", () => {
    const told = cardToText(
      releaseCard(
        buildRelease({
          items: [
            buildItem("auth-service", { breaking: true, migrations: ["db/1.sql"] }),
            buildItem("api-gateway", { ci: { state: "failure", url: null, summary: "" } }),
            buildItem("billing-service", {
              excluded: true,
              breaking: true,
              excludedReason: "later",
            }),
          ],
          order: { waves: [], cycle: ["a", "b", "a"], notes: [], warnings: ["c is excluded."] },
          problems: [
            {
              repository: "user-service",
              code: "x",
              reason: "It has no branch uat.",
              remedy: "Push it.",
            },
          ],
          unsatisfiable: "Only one person holds qa, and they created it.",
        }),
      ),
    );
    expect(told).toContain("Breaking changes in auth-service.");
    expect(told).toContain("Migrations in auth-service.");
    expect(told).toContain("CI fails for api-gateway.");
    expect(told).toContain("a → b → a");
    expect(told).toContain("c is excluded.");
    expect(told).toContain("Not compared: user-service. It has no branch uat. Push it.");
    expect(told).toContain("Nobody can complete the sign-off: Only one person holds qa");
    expect(told).toContain("excluded: later");
  });

  it("cuts a release of many services", () => {
    const items = Array.from({ length: 27 }, (_, index) => buildItem(`service-${index}`));
    expect(cardToText(releaseCard(buildRelease({ items })))).toContain("… and 12 more");
  });

  it("shows text of people as text", () => {
    const release = buildRelease({
      sourceBranch: hostile,
      createdBy: { subject: "x", username: "x", name: hostile },
      items: [buildItem(hostile, { breaking: true })],
      order: { waves: [[hostile]], cycle: null, notes: [], warnings: [] },
      lastChanges: [hostile],
      rejection: { person: danaRef, reason: hostile, rejectedAt: "2026-11-25T12:00:00.000Z" },
    });
    for (const card of [
      releaseCard(release),
      orderCard(release),
      whoCard(release),
      readyCard(release, hostile),
    ]) {
      for (const block of card.blocks) {
        if (block.type === "text" || block.type === "note") {
          const outsideCode = block.markdown.replace(/`[^`\n]*`/g, "");
          expect(outsideCode).not.toMatch(/(?<!\\)<|(?<!\\)@channel|(?<!\\)\[click/);
        }
      }
      expect(JSON.stringify(card)).not.toMatch(/\\u202e|\\u0000/i);
      expect(JSON.stringify(card).length).toBeLessThan(30_000);
    }
  });

  it("is the same for everybody, so that it can be edited in place", () => {
    const denied = { allowed: false, reason: "no", remedy: "no" };
    const release = buildRelease();
    const forAnother = buildRelease({
      abilities: { ...release.abilities, deploy: denied, signOff: { dev: denied, qa: denied } },
    });
    expect(releaseCard(forAnother)).toEqual(releaseCard(release));
  });

  it("remembers which content it shows", () => {
    expect(releaseLive(buildRelease())).toMatchObject({
      subject: "release/12",
      shown: { fingerprint: "f1" },
    });
  });
});

describe(readyCard.name, () => {
  it("announces what may go out, who signed, in which order", () => {
    const card = readyCard(buildApprovedRelease(), null);
    expect(card.title).toBe("Release Ready to Deploy");
    const told = cardToText(card);
    expect(told).toContain("`uat → master`");
    expect(told).toContain("Repositories: 2");
    expect(told).toContain("Dev 1/1: signed by Dana");
    expect(told).toContain("QA 1/1: signed by Quinn");
    expect(told).toContain("Wave 2: api-gateway");
    expect(told).toContain("[Deploy] or say `deploy 12 to prod`");
    expect(told).toContain("https://slipway.example.com/releases/12");
  });

  it("says why once approval is lost, and offers no deploy", () => {
    const live = readyLive(buildRelease(), "Dana revoked their sign-off as dev.");
    expect(live.card.title).toBe("Release #12 is no longer ready to deploy");
    expect(cardToText(live.card)).toContain("Why: Dana revoked their sign-off as dev.");
    expect(labels(live.card)).toEqual(["Show release"]);
    expect(live.shown).toMatchObject({
      isReady: false,
      why: "Dana revoked their sign-off as dev.",
    });
  });

  it("says what became of the release", () => {
    const card = readyCard(buildApprovedRelease({ status: "deployed" }), null);
    expect(card.title).toBe("Release Ready to Deploy (#12 is deployed now)");
    expect(labels(card)).toEqual(["Show release"]);
  });
});

describe(whyCard.name, () => {
  it("lists what is in the way with its remedy, and what is not", () => {
    const told = cardToText(whyCard(buildRelease()));
    expect(told).toContain("• Dev and QA have not signed. Say `approve 12 as dev`.");
    expect(told).toContain("Met: not locked.");
  });

  it("says so when nothing is in the way", () => {
    const card = whyCard(buildApprovedRelease({ requirements: [] }));
    expect(card.title).toContain("Nothing stands in the way");
    expect(cardToText(card)).toContain("Next: `deploy 12 to prod`.");
  });
});

describe(whoCard.name, () => {
  it("names who signed and who could", () => {
    const told = cardToText(whoCard(buildRelease()));
    expect(told).toContain("Dev | 0 of 1 | nobody yet | Dana, Robin");
    expect(told).toContain("QA | 0 of 1 | nobody yet | Quinn, Robin");
  });
});
