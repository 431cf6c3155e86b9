import { describe, expect, it } from "vitest";
import type { AppErrorClass } from "./app-error.ts";
import * as catalog from "./catalog.ts";

const LISTS = ["known", "suggestions", "places", "problems", "reasons"];

/** Stands for whatever data an error takes: lists where they are usual, a word everywhere else. */
function anyData(list: readonly string[]): unknown {
  return new Proxy({}, { get: (_, name) => (LISTS.includes(String(name)) ? list : "something") });
}

const errors = (Object.entries(catalog) as unknown as [string, AppErrorClass<unknown>][]).map(
  ([name, error]) => ({ name, error }),
);

describe("the catalogue of errors", () => {
  it("gives every error a code of its own", () => {
    const codes = errors.map(({ error }) => error.code);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each(errors.filter(({ error }) => error.kind === "not_found"))(
    "says what to do when something is not found: $name",
    ({ error }) => {
      for (const list of [["something"], []]) {
        expect(new error(anyData(list)).remedy).toMatch(/^.{10,}[.?]$/);
      }
    },
  );
});
