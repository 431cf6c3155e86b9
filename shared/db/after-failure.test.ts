import { describe, expect, it } from "vitest";
import {
  InputInvalid,
  InternalFault,
  PermissionDenied,
  RateLimited,
  ReleaseBusy,
  ReleaseNotFound,
  SignInRequired,
  SignOffRefused,
  UpstreamRejected,
  UpstreamTimeout,
  UpstreamUnavailable,
} from "../errors/catalog.ts";
import { MOST_ATTEMPTS, afterFailure, isOurFault } from "./after-failure.ts";

const now = new Date("2026-11-25T12:00:00Z");
const unavailable = (retryAfterMs?: number) =>
  new UpstreamUnavailable({
    system: "git",
    operation: "fetch",
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });

describe(afterFailure.name, () => {
  it.each([
    new InputInvalid({ problems: [] }),
    new SignInRequired({}),
    new PermissionDenied({ permission: "release.create", reason: "no" }),
    new ReleaseNotFound({ release: "#1" }),
    new ReleaseBusy({ number: 1, deployment: 2, action: "closed" }),
    new SignOffRefused({ reasons: [] }),
  ])("buries a refusal at once: $code", (error) => {
    expect(afterFailure(error, 1, now)).toEqual({
      then: "bury",
      error: `${error.code}: ${error.message}`,
    });
  });

  it.each([
    unavailable(),
    new UpstreamRejected({ system: "git", operation: "fetch", why: "no" }),
    new UpstreamTimeout({ system: "git", operation: "fetch", timeoutMs: 1 }),
    new InternalFault({ reference: "1" }),
    new TypeError("a bug"),
    "not even an error",
    undefined,
  ])("repeats what may pass: %s", (error) => {
    expect(afterFailure(error, 1, now)).toMatchObject({ then: "retry" });
    expect(afterFailure(error, MOST_ATTEMPTS, now)).toMatchObject({ then: "bury" });
  });

  it.each([
    [1, 1_000],
    [2, 2_000],
    [5, 16_000],
    [10, 512_000],
    [11, 600_000],
    [14, 600_000],
  ])("pauses after attempt %i for %i ms", (attempts, pause) => {
    expect(afterFailure(unavailable(), attempts, now)).toMatchObject({
      then: "retry",
      at: new Date(now.getTime() + pause),
    });
  });

  it("waits as long as the other side asks", () => {
    expect(afterFailure(unavailable(90_000), 1, now)).toMatchObject({
      at: new Date(now.getTime() + 90_000),
    });
    expect(afterFailure(new RateLimited({ retryAfterMs: 5_000 }), 1, now)).toMatchObject({
      then: "retry",
      at: new Date(now.getTime() + 5_000),
    });
  });
});

describe(isOurFault.name, () => {
  it.each([
    [new TypeError("bug"), true],
    [new InternalFault({ reference: "1" }), true],
    [unavailable(), false],
    [new ReleaseNotFound({ release: "#1" }), false],
  ])("%s is our fault: %s", (error, expected) => {
    expect(isOurFault(error)).toBe(expected);
  });
});
