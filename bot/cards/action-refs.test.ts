import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Action, ActionRef, Command } from "../chat/command.ts";
import type { z } from "zod";
import { createCommandParser } from "../chat/parse-command.ts";
import { actions, commands } from "../commands/index.ts";
import * as refs from "./action-refs.ts";

const parser = createCommandParser(commands);

/** A payload for every ref, and with every optional part. */
const payloads: Readonly<Record<string, readonly unknown[]>> = {
  "release.create": [{}],
  "release.show": [{ release: 12 }],
  "release.refresh": [{ release: 12 }],
  "release.sign_off": [
    { release: 12, role: "dev", fingerprint: "f1" },
    { release: 12, role: "product owner", fingerprint: "f1" },
  ],
  "release.reject": [{ release: 12 }],
  "release.close": [{ release: 12 }],
  "release.edit_notes": [
    { release: 12, field: "notes" },
    { release: 12, field: "breaking" },
  ],
  "deployment.plan": [{ release: 12 }, { release: 12, environment: "prod" }],
  "deployment.request": [
    { release: 12, fingerprint: "f1" },
    { release: 12, environment: 'my "prod"', fingerprint: "f1" },
  ],
  "deployment.show": [{ deployment: 7 }],
  "deployment.logs": [{ deployment: 7 }],
  "deployment.cancel": [{ deployment: 7 }],
  "deployment.retry": [{ deployment: 7 }],
  "deployment.roll_back": [
    { environment: "prod" },
    { environment: "prod", to: 5, services: ["auth-service", "two words"] },
  ],
  "environment.show": [{ environment: "prod" }],
  "environment.lock": [{ environment: "prod" }],
  "environment.unlock": [{ environment: "-prod" }],
  "environment.hold": [{ environment: "prod" }],
  "environment.resume": [{ environment: "prod" }],
  "environment.promote": [
    { from: "preprod", to: "prod", hash: "h1" },
    { from: "preprod", to: "prod", hash: "h1", services: ["auth-service"] },
  ],
};

const all: readonly ActionRef<z.ZodType>[] = Object.values(refs);

describe("what cards can offer to press", () => {
  it("is implemented exactly once each", () => {
    expect(actions.map((action) => action.ref.id).sort()).toEqual(all.map((ref) => ref.id).sort());
    for (const action of actions) {
      expect(all).toContain(action.ref);
    }
  });

  it.each(all.map((ref) => [ref.id, ref] as const))(
    "%s has a command that does the same",
    (id, ref) => {
      const samples = payloads[id] ?? [];
      expect(samples.length).toBeGreaterThan(0);
      for (const payload of samples) {
        expect(ref.payload.parse(payload)).toEqual(payload);
        const twin = ref.call(payload).text ?? "";
        const parsed = parser.parse(twin, true);
        const action = actions.find((each) => each.ref.id === id);
        expect(parsed.type).toBe("command");
        if (parsed.type === "command") {
          expect(parsed.command.changes).toBe(action?.changes);
          expect(parsed.args).toMatchObject(commonPart(payload));
        }
      }
    },
  );

  it("survives a database that keeps JSON", () => {
    for (const payload of Object.values(payloads).flat()) {
      expect(JSON.parse(JSON.stringify(payload))).toEqual(payload);
    }
  });
});

describe("the registry of commands", () => {
  it("lists exactly what the files of the folder define", async () => {
    const folder = new URL("../commands/", import.meta.url);
    const files = readdirSync(folder).filter(
      (file) => file.endsWith(".ts") && !file.endsWith(".test.ts") && file !== "index.ts",
    );
    const defined = await Promise.all(
      files.map(async (file) => {
        const exported: unknown[] = Object.values(await import(new URL(file, folder).href));
        return exported.filter((value) => isCommand(value) || isAction(value));
      }),
    );
    const registered: readonly unknown[] = [...commands, ...actions];
    for (const value of defined.flat()) {
      expect(registered).toContain(value);
    }
    // `help` is made from the list itself.
    expect(defined.flat()).toHaveLength(registered.length - 1);
  });

  it.each(commands.map((command) => [command.phrase, command] as const))(
    "%s is documented and every example is understood",
    (phrase, command) => {
      expect(command.summary).toMatch(/^[A-Z].*[^.]$/);
      expect(command.usage.startsWith(phrase)).toBe(true);
      expect(command.examples.length).toBeGreaterThan(0);
      for (const example of command.examples) {
        expect(parser.parse(example, true)).toMatchObject({
          type: "command",
          command: { id: command.id },
        });
      }
    },
  );

  it("has one command for each id", () => {
    const ids = commands.map((command) => command.id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

/** What payload and typed arguments both name; the rest is known only to the card. */
function commonPart(payload: unknown): Record<string, unknown> {
  const onlyOnCards = ["fingerprint", "hash", "field"];
  return Object.fromEntries(
    Object.entries(payload ?? {}).filter(([name]) => !onlyOnCards.includes(name)),
  );
}

function isCommand(value: unknown): value is Command {
  return typeof value === "object" && value !== null && "phrase" in value;
}

function isAction(value: unknown): value is Action {
  return typeof value === "object" && value !== null && "ref" in value && "run" in value;
}
