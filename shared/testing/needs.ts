import { describe } from "vitest";

/**
 * A `describe` for tests that need a part this machine may lack (a browser, a database server, Docker). Where it is missing
 * they are skipped visibly; with `REQUIRE_ALL=1` they run and fail instead, so that CI cannot pass by lacking things.
 */
export function describeWith(
  part: string,
  isPresent: boolean,
): typeof describe | typeof describe.skip {
  const required = process.env["REQUIRE_ALL"] === "1";
  return isPresent || required
    ? describe
    : (describe.skip as typeof describe.skip & { part?: typeof part });
}
