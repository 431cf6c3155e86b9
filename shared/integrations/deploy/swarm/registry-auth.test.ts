import { describe, expect, it } from "vitest";
import { Secret } from "../../../config/secret.ts";
import { credentialsFor, dockerConfig } from "./registry-auth.ts";

const account = { username: "robot", password: new Secret("s3cr3t:with colon") };
const registry = { "Registry.example.com:5000": account, "docker.io": account };

describe(credentialsFor, () => {
  it.each([
    ["registry.example.com:5000", "registry.example.com:5000"],
    ["docker.io", "https://index.docker.io/v1/"],
    ["index.docker.io", "https://index.docker.io/v1/"],
  ])("finds those for %s", (host, serveraddress) => {
    expect(credentialsFor(host, { registry })).toEqual({
      username: "robot",
      password: "s3cr3t:with colon",
      serveraddress,
    });
  });

  it.each(["registry.example.com", "example.com:5000", "evil.registry.example.com:5000"])(
    "gives none to %s",
    (host) => {
      expect(credentialsFor(host, { registry })).toBeNull();
    },
  );
});

describe(dockerConfig, () => {
  it("holds what docker wants, and nothing when there is nothing", () => {
    const config = dockerConfig(credentialsFor("registry.example.com:5000", { registry }));
    expect(JSON.parse(config)).toEqual({
      auths: {
        "registry.example.com:5000": {
          auth: Buffer.from("robot:s3cr3t:with colon").toString("base64"),
        },
      },
    });
    expect(JSON.parse(dockerConfig(null))).toEqual({});
  });
});
