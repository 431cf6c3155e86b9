import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { Config } from "../../shared/config/config.ts";
import { createLogger } from "../../shared/lib/logger.ts";
import { createFakeServices } from "../chat/testing/fake-services.ts";
import { fine, problem } from "../chat/finding.ts";
import type { CheckDeps, PlatformEntry } from "../platforms/index.ts";
import { hasProblem, tryAll } from "./findings.ts";
import { platformChecks } from "./platform-checks.ts";

const config = {
  server: { host: "0.0.0.0", port: 8080 },
  chat: {
    room: { enabled: true },
    announce: [
      { platform: "room", channel: "releases" },
      { platform: "carrier", channel: "roof" },
    ],
    platforms: [{ id: "carrier", options: { loft: "north" } }],
  },
} as unknown as Config;

function entry(id: string, check?: PlatformEntry["check"]): PlatformEntry {
  return {
    id,
    options: z.unknown(),
    create: () => {
      throw new Error("a check must not connect as the bot");
    },
    ...(check && { check }),
  };
}

function run(entries: readonly PlatformEntry[], only?: string) {
  return tryAll(
    platformChecks(config, {
      services: createFakeServices(),
      logger: createLogger({ level: "silent" }),
      clock: { now: () => new Date() },
      only,
      entries,
    }),
    { limitMs: 100, signal: new AbortController().signal },
  );
}

describe(platformChecks.name, () => {
  it("gives each configured platform its options and its channels, and leaves the others alone", async () => {
    const asked: [unknown, readonly string[], string | null][] = [];
    const checked = await run([
      entry("room", async () => [fine("in")]),
      entry("carrier", async (options: unknown, { announce, serverUrl }: CheckDeps) => {
        asked.push([options, announce, serverUrl]);
        return [fine("flies")];
      }),
      entry("smoke", async () => [problem("not configured at all", null)]),
    ]);

    expect(asked).toEqual([[{ loft: "north" }, ["roof"], "http://127.0.0.1:8080"]]);
    expect(checked.map(({ name }) => name)).toEqual(["room", "carrier"]);
    expect(hasProblem(checked)).toBe(false);
  });

  it("explains one that throws and one that hangs, and the rest is unharmed", async () => {
    const checked = await run([
      entry("room", () => Promise.reject(new Error("the door is shut"))),
      entry("carrier", () => new Promise(() => undefined)),
    ]);

    expect(checked).toMatchObject([
      { findings: [{ state: "problem", what: "the door is shut" }] },
      { findings: [{ state: "problem", what: "No answer within 0.1 s." }] },
    ]);
  });

  it("says so when a platform has nothing that could be tried", async () => {
    expect(await run([entry("room")])).toMatchObject([{ findings: [{ state: "ok" }] }]);
  });

  it("refuses one that is not configured, with what was meant", () => {
    expect(() => run([entry("room"), entry("carrier")], "carier")).toThrow(/no configured.*carier/);
  });
});
