import { describe, expect, it } from "vitest";
import { cardToText, pressableItems } from "../chat/card-to-text.ts";
import { diffCard } from "./diff-card.ts";
import { environmentCard, environmentsCard, healthCard } from "./environment-card.ts";
import { historyCard } from "./history-card.ts";
import {
  buildDeploymentSummary,
  buildDiff,
  buildEnvironment,
  danaRef,
} from "./testing/sample-views.ts";

const lock = {
  by: danaRef,
  reason: "Sale is *on*",
  since: "2026-11-25T12:00:00.000Z",
  until: "2026-11-25T14:00:00.000Z",
};

describe(environmentCard.name, () => {
  it("shows what runs and since when", () => {
    const told = cardToText(environmentCard(buildEnvironment()));
    expect(told).toContain("Environment prod (open)");
    expect(told).toContain("auth-service | aaaaaaaa | healthy | 2026-11-25 12:00 UTC | Dana");
    expect(told).toContain("Sign-off: 1 dev, 1 qa");
  });

  it("says who locked it, why and until when, and offers to unlock", () => {
    const card = environmentCard(buildEnvironment({ lock }));
    expect(cardToText(card)).toContain(
      "prod is locked by Dana since 2026-11-25 12:00 UTC until 2026-11-25 14:00 UTC: Sale is *on*",
    );
    expect(pressableItems(card).map((item) => item.label)).toEqual(["Unlock", "Roll back"]);
  });

  it("says when automation is on hold and when the target does not answer", () => {
    const told = cardToText(
      environmentCard(
        buildEnvironment({ hold: { ...lock, until: null }, unreachable: "No route." }),
      ),
    );
    expect(told).toContain("Automation for prod is on hold by Dana");
    expect(told).toContain("prod does not answer: No route.");
  });
});

describe(environmentsCard.name, () => {
  it("shows all at a glance", () => {
    const told = cardToText(
      environmentsCard([buildEnvironment(), buildEnvironment({ name: "preprod", lock })]),
    );
    expect(told).toContain("prod | master | open | 1 | 1 of 1");
    expect(told).toContain("preprod | master | locked | 1 | 1 of 1");
  });

  it("says what to do when there are none", () => {
    expect(cardToText(environmentsCard([]))).toContain("Add environments to config.yaml");
  });
});

describe(healthCard.name, () => {
  it("puts what needs a look first", () => {
    const [service] = buildEnvironment().services;
    const services = service
      ? [
          service,
          { ...service, service: "api-gateway", health: "unhealthy" as const, detail: "Exit 1" },
        ]
      : [];
    const told = cardToText(healthCard([{ environment: "prod", services, unreachable: null }]));
    expect(told).toContain("Health: 1 of 2 services need a look");
    expect(told.indexOf("api-gateway")).toBeLessThan(told.indexOf("auth-service"));
    expect(told).toContain("unhealthy: Exit 1");
  });

  it("is short when all is well", () => {
    const report = {
      environment: "prod",
      services: buildEnvironment().services,
      unreachable: null,
    };
    expect(healthCard([report])).toMatchObject({
      title: "Health: everything is well",
      tone: "success",
    });
  });
});

describe(diffCard.name, () => {
  it("shows what differs and how to promote it", () => {
    const card = diffCard(buildDiff());
    const told = cardToText(card);
    expect(told).toContain("auth-service | other version | 1.3.0 | 1.2.0");
    expect(told).toContain("1 service runs the same in both.");
    expect(told).toContain("[Promote to prod] or say `promote preprod to prod`");
  });

  it("says when both run the same", () => {
    const rows = buildDiff().rows.filter(({ change }) => change === "no_change");
    const card = diffCard(buildDiff({ rows }));
    expect(cardToText(card)).toContain("Both run the same.");
    expect(pressableItems(card)).toEqual([]);
  });
});

describe(historyCard.name, () => {
  it("lists deployments and rollbacks with how they ended", () => {
    const told = cardToText(
      historyCard(
        "Deployments",
        [buildDeploymentSummary({ number: 8, kind: "rollback" }), buildDeploymentSummary()],
        5,
        "https://slipway.example.com",
      ),
    );
    expect(told).toContain(
      "#8 | 2026-11-25 12:00 UTC | prod | rollback of 2 services | succeeded | Dana",
    );
    expect(told).toContain(
      "#7 | 2026-11-25 12:00 UTC | prod | release #12, 2 services | succeeded | Dana",
    );
    expect(told).toContain("… and 3 more.");
  });
});
