import { describe, expect, it, vi } from "vitest";
import type { Announcement, CatalogServices } from "../../shared/app/services.ts";
import { systemActor } from "../../shared/core/actor.ts";
import { createAnnouncementPlaces, type Concern } from "./announcement-places.ts";

/** Services by the team that owns them. */
const TEAMS: Readonly<Record<string, readonly string[]>> = {
  payments: ["billing", "ledger"],
  accounts: ["auth"],
};

function everything(place: string, more: Partial<Announcement> = {}): Announcement {
  return { place, environments: null, teams: null, ...more };
}

/** Which channels are told of this. */
async function told(
  announcements: readonly Announcement[],
  concern: Concern,
): Promise<readonly string[]> {
  const channels: string[] = [];
  await create(announcements).announce(
    async () => concern,
    async ({ channelId }) => void channels.push(channelId),
  );
  return channels.sort();
}

function create(
  announcements: readonly Announcement[],
  findPlace?: (name: string) => Promise<{ platform: string; channelId: string }>,
) {
  const listServices = async (_: unknown, { team = "" }: { team?: string | undefined }) => ({
    items: (TEAMS[team] ?? []).map((name) => ({ name })),
    total: 0,
  });
  return createAnnouncementPlaces({
    announcements,
    platform: { id: "fake", ...(findPlace ? { findPlace } : {}) },
    // Only names are looked at.
    catalog: { listServices: listServices as unknown as CatalogServices["listServices"] },
    systemActor,
  });
}

describe(createAnnouncementPlaces.name, () => {
  const inProd = { environment: "prod", services: ["billing"] };

  it.each<[string, Partial<Announcement>, Concern, boolean]>([
    ["everything", {}, inProd, true],
    ["everything, of no environment", {}, { environment: null, services: ["x"] }, true],
    ["its environment", { environments: ["prod"] }, inProd, true],
    ["another environment", { environments: ["preprod"] }, inProd, false],
    ["no environment", { environments: ["prod"] }, { environment: null, services: [] }, false],
    ["a service of its team", { teams: ["payments"] }, inProd, true],
    ["a service of one of its teams", { teams: ["accounts", "payments"] }, inProd, true],
    ["services of another team", { teams: ["accounts"] }, inProd, false],
    ["services of no team", { teams: ["accounts"] }, { ...inProd, services: ["x"] }, false],
    ["a whole environment", { teams: ["accounts"] }, { ...inProd, services: [] }, true],
    ["both", { environments: ["prod"], teams: ["payments"] }, inProd, true],
    ["only one of both", { environments: ["preprod"], teams: ["payments"] }, inProd, false],
  ])("tells a channel of %s", async (_what, choice, concern, expected) => {
    const channels = await told([everything("fake:releases", choice)], concern);
    expect(channels).toEqual(expected ? ["releases"] : []);
  });

  it("tells each channel of its platform once, whichever of its choices fits", async () => {
    const channels = await told(
      [
        everything("fake:ops", { environments: ["preprod"] }),
        everything("fake:ops", { teams: ["payments"] }),
        everything("fake:ops"),
        everything("fake:all"),
        everything("other:ops"),
        everything("fake:"),
      ],
      inProd,
    );
    expect(channels).toEqual(["all", "ops"]);
  });

  it("does not ask what a fact concerns when nobody chooses", async () => {
    const concern = vi.fn<() => Promise<Concern>>(async () => inProd);
    await create([everything("fake:releases")]).announce(concern, async () => undefined);
    expect(concern).not.toHaveBeenCalled();
  });

  it("tells the others when one channel cannot be found, and throws in the end", async () => {
    const places = create([everything("fake:gone"), everything("fake:there")], async (name) => {
      if (name === "gone") {
        throw new Error("no such channel");
      }
      return { platform: "fake", channelId: `id-of-${name}` };
    });
    const channels: string[] = [];
    await expect(
      places.announce(
        async () => inProd,
        async ({ channelId }) => void channels.push(channelId),
      ),
    ).rejects.toThrow("no such channel");
    expect(channels).toEqual(["id-of-there"]);
  });
});
