import { describe, expect, it } from "vitest";
import { StackFileRefused } from "../../../errors/catalog.ts";
import {
  filesOf,
  insideRepository,
  LARGEST_STACK_FILE,
  readStackFile,
  requireService,
  usedBy,
  variablesFor,
} from "./stack-file.ts";

const about = { path: "deploy/stack.yml", label: "deploy/stack.yml (shop@1a2b)" };

function read(text: string | Uint8Array) {
  return readStackFile(typeof text === "string" ? Buffer.from(text) : text, about);
}

/** The refusal of something, as people read it. */
function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof StackFileRefused) {
      return `${error.message} ${error.remedy ?? ""}`;
    }
    throw error;
  }
  throw new Error("it was not refused");
}

describe(readStackFile, () => {
  it("resolves aliases and merges as docker does", () => {
    const file = read(`
x-base: &base
  image: shop/api:1
  environment: { A: 1 }
services:
  api:
    <<: *base
    image: shop/api:2
`);
    expect(requireService(file, "api")).toEqual({ image: "shop/api:2", environment: { A: 1 } });
  });

  it.each<[string, string | Uint8Array, string]>([
    ["bytes that are no text", new Uint8Array([0xff, 0xfe, 0x00]), "not UTF-8 text"],
    ["no services", "version: '3.8'\n", "it has no services"],
    ["a list", "- services\n", "it has no services"],
    ["nothing", "", "it has no services"],
    ["services that are a list", "services: [api]\n", "it has no services"],
    ["broken YAML", "services:\n  api: {image: x\n", "line "],
    ["a key twice", "services:\n  api: {}\n  api: {}\n", "line 3: Map keys must be unique"],
    ["two documents", "services: {a: {}}\n---\nservices: {b: {}}\n", "multiple documents"],
    ["a tag", "services:\n  api:\n    image: !!binary aGk=\n", "line 3: "],
    ["a tag nobody knows", "services:\n  api: !evil {}\n", "line 2: "],
    ["keys that are no texts", "services:\n  ? [a]\n  : {}\n", "keys must be strings"],
    ["deep nesting", `services: ${"[".repeat(100_000)}`, "nested too deeply"],
    [
      "aliases that multiply",
      `a0: &a0 [x]\n${Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [${`*a${n},`.repeat(9)}]\n`).join("")}services: {}\n`,
      "aliases would fill the memory",
    ],
    ["an alias of nothing", "services:\n  api: *nobody\n", "an alias in it stands for nothing"],
  ])("refuses %s", (_what, text, why) => {
    const said = refusal(() => read(text));
    expect(said).toContain(why);
    expect(said).toMatch(
      /^deploy\/stack\.yml \(shop@1a2b\) cannot be deployed: .*Nothing was changed\. \S/s,
    );
  });

  it("reads the largest file there may be quickly", () => {
    const line = '    - "a=${B:-$$x}"\n';
    const text = `services:\n  api:\n    command:\n${line.repeat(LARGEST_STACK_FILE / line.length)}`;
    expect(requireService(read(text), "api")).toBeDefined();
  });
});

describe(requireService, () => {
  const file = read("services: {api-gateway: {image: x}, nothing: }\n");

  it.each([
    ["api-gatway", "api-gateway comes near"],
    ["nothing", 'no service called "nothing"'],
    ["__proto__", 'no service called "__proto__"'],
  ])("says that there is no %s", (name, said) => {
    expect(refusal(() => requireService(file, name))).toContain(said);
  });
});

describe(variablesFor, () => {
  const file = read(`version: "3.8"
x-common: &common
  labels: { a: "\${NOT_USED}" }
services:
  api:
    image: shop/api:\${API_VERSION}
    networks: [front]
    command: ["$$HOME"]
  web:
    image: shop/web:\${WEB_VERSION:?set it}
    deploy:
      replicas: \${WEB_REPLICAS}
    environment: { WITH_DEFAULT: "\${WITH_DEFAULT:-yes}" }
  old:
    image: shop/old:\${OLD:-\${OLDER}}
networks:
  front: { name: "\${FRONT:-front}" }
  back: { name: "\${BACK}" }
`);
  const known = { API_VERSION: "1.0.0" };

  it("gives what others need a value that goes no further, and leaves defaults alone", () => {
    expect(variablesFor(file, "api", known)).toEqual({
      API_VERSION: "1.0.0",
      WEB_VERSION: "0",
      WEB_REPLICAS: "0",
      BACK: "0",
    });
  });

  it("says where a variable is that nobody sets", () => {
    const said = refusal(() => variablesFor(file, "web", known));
    expect(said).toContain("line 10: WEB_VERSION is not set when web is deployed");
    expect(said).toContain("line 12: WEB_REPLICAS is not set");
    expect(said).toContain("target.env");
  });

  it("refuses what docker would ship as it is written, where it matters", () => {
    expect(refusal(() => variablesFor(file, "old", known))).toContain(
      'line 15: docker fills in nothing inside a default, and would ship "${OLDER}"',
    );
  });

  it("names what docker refuses wherever it stands", () => {
    const broken = read("services:\n  api: {image: x}\n  web:\n    image: a:${B:+c}\n");
    expect(refusal(() => variablesFor(broken, "api", {}))).toContain("line 4: docker stack deploy");
  });

  it("sees the network every service has that names none", () => {
    const named = read("services:\n  api: {image: x}\nnetworks:\n  default:\n    name: ${NET}\n");
    expect(refusal(() => variablesFor(named, "api", {}))).toContain("line 5: NET is not set");
  });

  it("lists a few of many problems", () => {
    const many = Array.from({ length: 40 }, (_, n) => `      V${n}: "\${V${n}}"\n`).join("");
    const said = refusal(() =>
      variablesFor(read(`services:\n  api:\n    image: x\n    environment:\n${many}`), "api", {}),
    );
    expect(said).toContain("and 35 more");
  });
});

describe(filesOf, () => {
  it("finds every file docker would open, also behind aliases and in parts nobody deploys", () => {
    const file = read(`
x-file: &file { file: ./a.conf }
services:
  api: { image: x, env_file: [./api.env, "../\${WHERE}/b.env"] }
  web: { image: x, env_file: web.env }
configs:
  a: *file
  b: { file: conf/b.conf }
`);
    expect([...filesOf(file, { WHERE: "shared" }).values()].sort()).toEqual([
      "deploy/a.conf",
      "deploy/api.env",
      "deploy/conf/b.conf",
      "deploy/web.env",
      "shared/b.env",
    ]);
  });

  it.each([
    "/etc/passwd",
    "/proc/self/environ",
    "../../etc/passwd",
    "~/.docker/config.json",
    "~root/x",
    "./a/../../../x",
    "..",
    "a\\b",
    "${UNSET}/x",
    "${UP}/${UP}/etc/passwd",
  ])("refuses %s", (path) => {
    for (const text of [
      `services: {api: {image: x, env_file: '${path}'}}\n`,
      `services: {api: {image: x, env_file: ['${path}']}}\n`,
      `services: {api: {image: x}}\nconfigs: {a: {file: '${path}'}}\n`,
      `services: {api: {image: x}}\nsecrets: {a: {"fi\\x6ce": '${path}'}}\n`,
      `services: {api: {image: x}}\nx-a: &a '${path}'\nsecrets: {a: {file: *a}}\n`,
    ]) {
      expect(refusal(() => filesOf(read(text), { UP: ".." }))).toContain(
        "is no file of the repository",
      );
    }
  });
});

describe(insideRepository, () => {
  it.each([
    ["a.conf", "deploy/a.conf"],
    ["./a.conf", "deploy/a.conf"],
    ["../a.conf", "a.conf"],
    ["x/../a.conf", "deploy/a.conf"],
    ["", null],
  ])("%j is %j", (named, path) => {
    expect(insideRepository(about, named)).toBe(path);
  });
});

describe(usedBy, () => {
  it.each([
    [
      "short forms",
      {
        networks: ["front"],
        volumes: ["data:/data", "./x:/x", "/a:/a:ro", "/anonymous", "~/x:/y"],
        configs: ["app"],
        secrets: ["key"],
      },
    ],
    [
      "long forms",
      {
        networks: { front: null },
        volumes: [
          { type: "volume", source: "data", target: "/data" },
          { type: "bind", source: "/a", target: "/a" },
          { type: "tmpfs", target: "/t" },
        ],
        configs: [{ source: "app", target: "/app" }],
        secrets: [{ source: "key" }],
      },
    ],
  ])("reads %s", (_what, service) => {
    expect(usedBy(service)).toEqual({
      networks: ["front"],
      volumes: ["data"],
      configs: ["app"],
      secrets: ["key"],
    });
  });

  it.each([{}, { networks: [] }, { networks: {} }, { networks: null }])(
    "takes the default network for %j",
    (service) => {
      expect(usedBy(service).networks).toEqual(["default"]);
    },
  );
});
