import { describe, expect, it } from "vitest";
import { SignInRequired } from "../../../shared/errors/catalog.ts";
import { createClaimsSource } from "./claims-source.ts";

const claims = {
  issuer: "i",
  subject: "dana",
  username: "dana",
  name: "Dana",
  email: null,
  groups: [],
  realmRoles: ["dev"],
  clientRoles: [],
};
const answering = (answer: "deactivated" | { claims: typeof claims; refreshToken: string }) => ({
  refresh: async () => answer,
});
const directory = {
  claimsOf: (subject: string) => (subject === "dana" ? claims : undefined),
  everybody: () => [claims],
};

describe(createClaimsSource.name, () => {
  it("asks the provider with the refresh token", async () => {
    const source = createClaimsSource(answering({ claims, refreshToken: "next" }));
    expect(await source.refresh({ subject: "dana", refreshToken: "t" })).toEqual({
      claims,
      refreshToken: "next",
    });
  });

  it("says when the provider has withdrawn the token", async () => {
    const source = createClaimsSource(answering("deactivated"));
    expect(await source.refresh({ subject: "dana", refreshToken: "t" })).toBe("deactivated");
  });

  it("cannot tell about people who never signed in", async () => {
    const source = createClaimsSource(answering("deactivated"));
    await expect(source.refresh({ subject: "dana", refreshToken: null })).rejects.toThrow(
      SignInRequired,
    );
  });

  it("names everybody only where the provider can", async () => {
    const source = createClaimsSource(answering("deactivated"), directory);
    expect(await source.directory?.()).toEqual([claims]);
    expect(createClaimsSource(answering("deactivated")).directory).toBeUndefined();
  });

  it.each([
    ["never signed in", null],
    ["have a token the embedded provider forgot", "old"],
  ])("looks people up who %s", async (_what, refreshToken) => {
    const source = createClaimsSource(answering("deactivated"), directory);
    expect(await source.refresh({ subject: "dana", refreshToken })).toEqual({
      claims,
      refreshToken: null,
    });
    expect(await source.refresh({ subject: "gone", refreshToken })).toBe("deactivated");
  });
});
