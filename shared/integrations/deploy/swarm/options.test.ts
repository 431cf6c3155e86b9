import { describe, expect, it } from "vitest";
import { SwarmOptions, variableName } from "./options.ts";

const least = { stack: "shop", compose: "deploy/stack.yml" };

/** What is wrong with options, by path. */
function problems(more: Readonly<Record<string, unknown>>): readonly string[] {
  const parsed = SwarmOptions.safeParse({ ...least, ...more });
  return parsed.success
    ? []
    : parsed.error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`);
}

describe("options of the Swarm target", () => {
  it("need a stack and a file only", () => {
    expect(SwarmOptions.parse(least)).toMatchObject({
      host: ["unix:///var/run/docker.sock"],
      variables: { "{SERVICE}_VERSION": "{version}" },
      resolve_image: "always",
      docker: "docker",
      timeout: 120_000,
    });
  });

  it.each([
    { host: "unix:///run/user/1000/docker.sock" },
    { host: "ssh://ops@swarm-1.example.com:2222" },
    { host: "tcp://127.0.0.1:2375" },
    { host: ["tcp://a:2376", "tcp://b:2376"], tls: { ca: "ca.pem", cert: "c.pem", key: "k.pem" } },
    { variables: { TAG: "v{version}", "IMAGE_{SERVICE}": "{commit}" } },
    { repository: "infra", branch: "main" },
    { migrate: { command: ["./migrate"] } },
    { migrate: { service: "{service}-migrate" } },
    { migrate: { command: ["./migrate"], service: "{service}-tools" } },
    { registry: { "localhost:5000": { username: "a", password: "b" } } },
  ])("may be %j", (more) => {
    expect(problems(more)).toEqual([]);
  });

  it.each<[Readonly<Record<string, unknown>>, string]>([
    [{ host: "docker.sock" }, "host: "],
    [{ host: "http://a:2375" }, "host: "],
    [{ host: "unix://docker.sock" }, "host: "],
    [{ host: [] }, "host: "],
    [{ host: "tcp://a" }, "host: "],
    [{ host: "tcp://a:2375" }, "host: whoever reaches this port owns the cluster"],
    [{ host: "ssh://ops:secret@a" }, "host: "],
    [{ host: "ssh://-oProxyCommand=x" }, "host: "],
    [{ host: "ssh://-oProxyCommand=x@a" }, "host: "],
    [{ tls: { ca: "a", cert: "b", key: "c" } }, "tls: is only for hosts with tcp://"],
    [{ stack: "Shop" }, "stack: "],
    [{ stack: "-x" }, "stack: "],
    [{ compose: "" }, "compose: "],
    [{ compose: "../stack.yml" }, "compose: "],
    [{ repository: "infra" }, "branch: is missing"],
    [{ branch: "main" }, "branch: is only for"],
    [{ variables: { "A-B": "{version}" } }, "variables"],
    [{ variables: { "{service}_VERSION": "{version}" } }, "variables"],
    [{ variables: { DOCKER_HOST: "{version}" } }, "variables"],
    [{ variables: { A: "{versoin}" } }, "variables.A: there is no placeholder {versoin} here"],
    [{ env: { PATH: "/x" } }, "env"],
    [{ env: { SLIPWAY_X: "y" } }, "env"],
    [{ registry: { "https://r.io": { username: "a", password: "b" } } }, "registry"],
    [{ migrate: {} }, "migrate: needs a command or a service"],
    [{ resolve_image: "sometimes" }, "resolve_image: "],
    [{ stak: "shop" }, ": Unrecognized key"],
  ])("may not be %j", (more, problem) => {
    expect(problems(more).some((one) => one.startsWith(problem))).toBe(true);
  });
});

describe(variableName, () => {
  it.each([
    ["{SERVICE}_VERSION", "api", "API_VERSION"],
    ["{SERVICE}_VERSION", "api-gateway.v2", "API_GATEWAY_V2_VERSION"],
    ["{SERVICE}_VERSION", "2fa", "_2FA_VERSION"],
    ["TAG", "api", "TAG"],
    ["A_{SERVICE}_{SERVICE}", "x", "A_X_X"],
  ])("%s of %s is %s", (template, service, name) => {
    expect(variableName(template, service)).toBe(name);
  });
});
