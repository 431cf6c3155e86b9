import type { z } from "zod";
import { nearest } from "../lib/nearest.ts";
import { check } from "./explain-issues.ts";
import type { Path, Problems } from "./problems.ts";

/** Which providers this build has: name → schema of its options. Given from outside, so that config imports none. */
export interface ProviderSchemas {
  readonly scm: Readonly<Record<string, z.ZodType>>;
  readonly target: Readonly<Record<string, z.ZodType>>;
  /** Chat platforms besides the room. */
  readonly platform?: Readonly<Record<string, z.ZodType>>;
}

/** What the providers' own schemas made of their sections, by position. */
export interface ProviderOptions {
  readonly repositories: readonly unknown[];
  readonly targets: readonly unknown[];
  readonly platforms: readonly { readonly id: string; readonly options: unknown }[];
}

/** Lets each provider check its own section; whoever is not registered is refused with the list of those who are. */
export function checkProviders(
  root: unknown,
  schemas: ProviderSchemas,
  problems: Problems,
): ProviderOptions {
  return {
    repositories: listAt(root, "repositories").map((entry, index) =>
      checkOne(
        entry,
        ["repositories", index],
        "provider",
        "source control provider",
        schemas.scm,
        problems,
      ),
    ),
    targets: listAt(root, "environments").map((entry, index) =>
      checkOne(
        valueOf(entry, "target"),
        ["environments", index, "target"],
        "kind",
        "deploy target",
        schemas.target,
        problems,
      ),
    ),
    platforms: checkPlatforms(valueOf(root, "chat"), schemas.platform ?? {}, problems),
  };
}

function checkOne(
  entry: unknown,
  at: Path,
  selector: string,
  what: string,
  schemas: Readonly<Record<string, z.ZodType>>,
  problems: Problems,
): unknown {
  const chosen = valueOf(entry, selector);
  if (typeof chosen !== "string" || !isObject(entry)) {
    return undefined; // the shape is wrong, and the schema of the file has said so
  }
  const schema = Object.hasOwn(schemas, chosen) ? schemas[chosen] : undefined;
  if (!schema) {
    reportUnknown([...at, selector], what, chosen, Object.keys(schemas), problems);
    return undefined;
  }
  return check(schema, without(entry, selector), at, problems);
}

function checkPlatforms(
  chat: unknown,
  schemas: Readonly<Record<string, z.ZodType>>,
  problems: Problems,
): ProviderOptions["platforms"] {
  const known = ["room", ...Object.keys(schemas)];
  if (!isObject(chat)) {
    return [];
  }
  const { announce } = chat;
  const platforms = without(chat, "announce", "room");
  const parsed = Object.entries(platforms).map(([id, section]) => {
    const schema = Object.hasOwn(schemas, id) ? schemas[id] : undefined;
    if (!schema) {
      reportUnknown(["chat", id], "chat platform", id, known, problems);
      return { id, options: undefined };
    }
    return { id, options: check(schema, section, ["chat", id], problems) };
  });
  (Array.isArray(announce) ? announce : []).forEach((entry: unknown, index) => {
    const place = isObject(entry) ? entry["channel"] : entry;
    if (typeof place !== "string") {
      return;
    }
    const at = ["chat", "announce", index, ...(isObject(entry) ? ["channel"] : [])];
    const [, platform, channel] = /^([^:]*):(.+)$/.exec(place) ?? [];
    if (platform === undefined || channel === undefined) {
      problems.add(
        at,
        `"${place}" is not a channel`,
        'Write platform:channel, e.g. "room:releases".',
      );
    } else if (!known.includes(platform)) {
      reportUnknown(at, "chat platform", platform, known, problems);
    } else if (platform !== "room" && !Object.hasOwn(platforms, platform)) {
      problems.add(at, `${platform} is not configured`, `Add chat.${platform}, or remove this.`);
    }
  });
  return parsed;
}

function reportUnknown(
  at: Path,
  what: string,
  chosen: string,
  known: readonly string[],
  problems: Problems,
): void {
  const near = nearest(chosen, known)[0];
  problems.add(
    at,
    `this version has no ${what} called "${chosen.slice(0, 60)}"`,
    near === undefined ? `Use one of ${known.join(", ")}.` : `Did you mean ${near}?`,
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueOf(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function listAt(root: unknown, key: string): readonly unknown[] {
  const value = valueOf(root, key);
  return Array.isArray(value) ? value : [];
}

function without(value: Readonly<Record<string, unknown>>, ...keys: readonly string[]) {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}
