import { describe, expect, it } from "vitest";
import { isMoving, pinImage, readImage, TAG } from "./images.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

describe(readImage, () => {
  it.each([
    ["api", { registry: "docker.io", repository: "api", tag: null, digest: null }],
    ["shop/api:1.0", { registry: "docker.io", repository: "shop/api", tag: "1.0", digest: null }],
    [
      "registry.example.com/shop/api:1.0",
      {
        registry: "registry.example.com",
        repository: "registry.example.com/shop/api",
        tag: "1.0",
        digest: null,
      },
    ],
    [
      "localhost:5000/api:1.0",
      { registry: "localhost:5000", repository: "localhost:5000/api", tag: "1.0", digest: null },
    ],
    [
      "localhost/api",
      { registry: "localhost", repository: "localhost/api", tag: null, digest: null },
    ],
    [
      `r.io:443/a/b/c:x@${DIGEST}`,
      { registry: "r.io:443", repository: "r.io:443/a/b/c", tag: "x", digest: DIGEST },
    ],
    [`api@${DIGEST}`, { registry: "docker.io", repository: "api", tag: null, digest: DIGEST }],
  ])("reads %s", (image, parts) => {
    expect(readImage(image)).toEqual(parts);
  });

  it.each([
    "",
    "shop/api:",
    "shop/api@",
    ":1.0",
    "Shop/api:1",
    "shop//api",
    "shop/api:1.0:2",
    "shop/api:-1",
    `shop/api:${"x".repeat(129)}`,
    "shop/api@sha256:abc",
    "https://registry.example.com/api",
    "shop/api:1.0\n",
    "shop/api 1.0",
    "a/".repeat(100_000),
  ])("refuses %j", (image) => {
    expect(readImage(image)).toBeNull();
  });
});

describe(pinImage, () => {
  it.each([
    ["shop/api:1.0", `shop/api:1.0@${DIGEST}`],
    ["shop/api", `shop/api@${DIGEST}`],
    [`r.io/api:1@sha256:${"b".repeat(64)}`, `r.io/api:1@${DIGEST}`],
  ])("pins %s", (image, pinned) => {
    const read = readImage(image);
    expect(read && pinImage(read, DIGEST)).toBe(pinned);
  });

  it("takes nothing for a digest that is none", () => {
    const image = readImage("api");
    expect(() => image && pinImage(image, "sha256:abc")).toThrow("not the digest");
  });
});

describe(isMoving, () => {
  it.each([
    ["api", true],
    ["api:latest", true],
    ["api:Stable", true],
    ["api:1.0.0", false],
    ["api:2f1c9aa", false],
    [`api@${DIGEST}`, false],
    [`api:latest@${DIGEST}`, false],
  ])("of %s is %s", (image, moving) => {
    const read = readImage(image);
    expect(read && isMoving(read)).toBe(moving);
  });
});

describe("a tag", () => {
  it.each([
    ["1.0.0", true],
    ["2f1c9aa", true],
    ["v1.0_rc-2", true],
    ["", false],
    ["..", false],
    ["-x", false],
    ["1.0+build", false],
    ["1.0 ", false],
    ["1.0\n", false],
    ["$(x)", false],
    ["a/b", false],
    ["x".repeat(129), false],
  ])("%j: %s", (text, is) => {
    expect(TAG.test(text)).toBe(is);
  });
});
