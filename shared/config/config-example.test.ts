import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { platformSchemas } from "../../bot/platforms/index.ts";
import { deployTargetSchemas } from "../integrations/deploy/index.ts";
import { scmSchemas } from "../integrations/scm/index.ts";
import { loadConfig } from "./load-config.ts";
import { ConfigFile } from "./schema.ts";

const root = join(import.meta.dirname, "../..");
const text = readFileSync(join(root, "config.example.yaml"), "utf8");

/** Every key in the file as `environments[].target.kind`, with the lines it is on. */
function keysOf(source: string): ReadonlyMap<string, readonly number[]> {
  const lines = new LineCounter();
  const found = new Map<string, number[]>();
  visit(parseDocument(source, { lineCounter: lines }).contents, "");
  return found;

  function visit(node: unknown, path: string): void {
    if (isSeq(node)) {
      node.items.forEach((item) => visit(item, `${path}[]`));
    }
    if (isMap(node)) {
      for (const { key, value } of node.items) {
        if (isScalar(key)) {
          const at = path === "" ? String(key.value) : `${path}.${String(key.value)}`;
          const line = lines.linePos(key.range?.[0] ?? 0).line;
          found.set(at, [...(found.get(at) ?? []), line]);
          visit(value, at);
        }
      }
    }
  }
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** Every key a schema has a name for. */
function keysIn(schema: JsonSchema, path: string): readonly string[] {
  const { properties = {}, additionalProperties, items, anyOf = [] } = schema;
  return [
    ...Object.entries(properties).flatMap(([key, inner]) => {
      const at = path === "" ? key : `${path}.${key}`;
      return [at, ...keysIn(inner, at)];
    }),
    ...(items ? keysIn(items, `${path}[]`) : []),
    ...anyOf.flatMap((inner) => keysIn(inner, path)),
    // Keys people choose themselves, such as roles, lead to keys we know.
    ...(typeof additionalProperties === "object" ? keysIn(additionalProperties, `${path}.*`) : []),
  ];
}

function schemaKeys(schema: z.ZodType, path = ""): readonly string[] {
  const json = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  return [...new Set(keysIn(json, path))];
}

/** Roles are named by people: `auth.roles.dev[]` is `auth.roles.*[]`. */
function withFreeNames(path: string): string {
  return path.replace(/^(auth\.roles)\.[^.[]+/, "$1.*");
}

const known = [
  ...schemaKeys(ConfigFile),
  ...Object.values(scmSchemas).flatMap((schema) => schemaKeys(schema, "repositories[]")),
  ...Object.values(deployTargetSchemas).flatMap((schema) =>
    schemaKeys(schema, "environments[].target"),
  ),
  ...Object.entries(platformSchemas).flatMap(([id, schema]) => schemaKeys(schema, `chat.${id}`)),
];

describe("config.example.yaml", () => {
  const written = new Map([...keysOf(text)].map(([path, at]) => [withFreeNames(path), at]));

  it("is a valid configuration", () => {
    const config = loadConfig({
      env: {
        SLIPWAY_CLIENT_SECRET: "hush-hush",
        REGISTRY_TOKEN: "hush-hush",
        DISCORD_TOKEN: "hush-hush",
        MATTERMOST_TOKEN: "hush-hush",
        MATTERMOST_SLASH_TOKEN: "hush-hush",
        SLACK_BOT_TOKEN: "hush-hush",
        SLACK_APP_TOKEN: "hush-hush",
        SLACK_SIGNING_SECRET: "hush-hush",
      },
      cwd: root,
      path: "config.example.yaml",
      providers: { scm: scmSchemas, target: deployTargetSchemas, platform: platformSchemas },
    });
    expect(config.auth.provider.kind).toBe("keycloak");
    expect(config.environments.map(({ name }) => name)).toEqual(["preprod", "prod"]);
  });

  it.each([...new Set(known)])("shows %s", (path) => {
    expect([...written.keys()]).toContain(path);
  });

  it.each([...new Set(known)])("says what %s is for", (path) => {
    const [first = 0] = written.get(path) ?? [];
    const lines = text.split("\n");
    expect(`${lines[first - 2] ?? ""}\n${lines[first - 1] ?? ""}`).toMatch(/#\s*\S/);
  });

  it.each([
    ...Object.keys(scmSchemas).map((name) => ["provider", name]),
    ...Object.keys(deployTargetSchemas).map((name) => ["kind", name]),
  ])("has an example of %s %s", (key, name) => {
    expect(text).toMatch(new RegExp(`^\\s+(?:- )?${key}: ${name}$`, "m"));
  });
});
