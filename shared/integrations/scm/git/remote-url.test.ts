import { describe, expect, it } from "vitest";
import { credentialSettings, parseRemoteUrl, remoteName } from "./remote-url.ts";

describe(parseRemoteUrl, () => {
  it.each([
    ["https://git.example.com/team/service.git", "https://git.example.com/team/service.git"],
    ["https://ana:hu%40sh@git.example.com:8443/x.git", "https://git.example.com:8443/x.git"],
    ["https://token@git.example.com/x", "https://git.example.com/x"],
    ["ssh://git@git.example.com/team/service.git", "ssh://git@git.example.com/team/service.git"],
    ["git@git.example.com:team/service.git", "git@git.example.com:team/service.git"],
    ["file:///srv/repos/a.git", "file:///srv/repos/a.git"],
  ])("takes %s as %s", (text, address) => {
    expect(parseRemoteUrl(text)).toMatchObject({ address });
  });

  it.each([
    "",
    "/srv/repos/a",
    "http://git.example.com/x",
    "git://git.example.com/x",
    "ext::sh -c touch% /tmp/x",
    "ext::sh",
    "-oProxyCommand=x",
    "--upload-pack=x",
    "ssh://-oProxyCommand=x/y",
    "ssh://ana:hush@host/x",
    "git@-oProxyCommand=x:y",
    "git@host:-x",
    "file://host/x",
    "https://git.example.com/x?token=hush",
    "https://git.example.com/a b",
    "https://git.example.com/a\nb",
    "javascript:alert(1)",
  ])("refuses %j with a fix", (text) => {
    const refused = parseRemoteUrl(text);
    expect(refused).toMatchObject({ why: expect.any(String), fix: expect.any(String) });
    expect(JSON.stringify(refused)).not.toContain("hush");
  });

  it("keeps credentials apart, for exactly this host", () => {
    const remote = parseRemoteUrl("https://ana:hu%40sh@git.example.com:8443/x.git");
    if ("why" in remote) {
      throw new Error(remote.why);
    }
    expect(credentialSettings(remote)).toEqual([
      [
        "http.https://git.example.com:8443/.extraHeader",
        `Authorization: Basic ${Buffer.from("ana:hu@sh").toString("base64")}`,
      ],
    ]);
  });

  it("has nothing secret to set without credentials", () => {
    expect(credentialSettings({ address: "https://h/x", credentials: null })).toEqual([]);
  });
});

describe(remoteName, () => {
  it.each([
    ["https://h/team/service.git", "service"],
    ["https://h/team/service/", "service"],
    ["git@h:service.git", "service"],
    ["file:///srv/a.b", "a.b"],
  ])("%s → %s", (text, name) => {
    expect(remoteName(text)).toBe(name);
  });
});
