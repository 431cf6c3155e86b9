import { describe, expect, it } from "vitest";
import { Secret } from "../config/secret.ts";
import { withCorrelation } from "./correlation.ts";
import { createLogger, type LogLevel } from "./logger.ts";

function record(level: LogLevel = "debug", secrets: readonly string[] = []) {
  const lines: Record<string, unknown>[] = [];
  let text = "";
  const destination = {
    write(line: string) {
      text += line;
      lines.push(JSON.parse(line) as Record<string, unknown>);
    },
  };
  return { logger: createLogger({ level, secrets, destination }), lines, text: () => text };
}

describe(createLogger.name, () => {
  it("writes one object per line with level, message, fields and the time", () => {
    const { logger, lines } = record();
    logger.child({ deployment: 7 }).info({ service: "billing" }, "applying");
    expect(lines).toMatchObject([
      { level: "info", msg: "applying", deployment: 7, service: "billing" },
    ]);
    expect(lines[0]?.["time"]).toMatch(/^\d{4}-\d\d-\d\dT/);
  });

  it("adds the correlation id of the action being served", () => {
    const { logger, lines } = record();
    logger.info("outside");
    withCorrelation("req-1", () => logger.info("inside"));
    expect(lines.map((line) => line["correlationId"])).toEqual([undefined, "req-1"]);
  });

  it("leaves out what is below its level", () => {
    const { logger, lines } = record("warn");
    logger.info("no");
    logger.warn("yes");
    expect(lines.map((line) => line["msg"])).toEqual(["yes"]);
  });

  it.each([
    ["a secret field", { token: "hush-hush" }],
    ["a nested secret field", { request: { headers: { authorization: "hush-hush" } } }],
    ["a cookie header", { headers: { "set-cookie": "hush-hush" } }],
    ["a Secret", { value: new Secret("hush-hush") }],
    ["a known value in a field", { url: "https://x/?t=known-value" }],
    ["a known value in an error", { err: new Error("refused known-value") }],
    ["a password in a URL", { url: "https://bob:hush-hush@example.com" }],
  ])("never shows %s", (_what, fields) => {
    const { logger, text } = record("debug", ["known-value"]);
    logger.error(fields, "something known-value happened");
    expect(text()).not.toMatch(/hush-hush|known-value/);
    expect(text()).toContain("[secret]");
  });
});
