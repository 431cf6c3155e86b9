import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createProgram } from "../program.ts";
import { writeReference } from "../reference.ts";
import { commands } from "./index.ts";

/** Splits a line of a shell as far as the examples need it. */
function words(line: string): readonly string[] {
  const inner = /\$\((slipway .*?)(?: \|.*)?\)$/.exec(line)?.[1] ?? line;
  return [...inner.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
}

describe("the registry of commands", () => {
  it("lists exactly the files there are", () => {
    const files = readdirSync(new URL(".", import.meta.url))
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "index.ts")
      .map((name) => name.replace(/\.ts$/, ""));
    expect(commands.map(({ name }) => name.replaceAll(" ", "-")).sort()).toEqual(files.sort());
  });

  it("is what the reference page tells", () => {
    const page = readFileSync(
      new URL("../../../shared/docs/command-line.md", import.meta.url),
      "utf8",
    );
    expect(page, "run `npm run command-line`").toBe(writeReference(commands));
  });

  describe.each(commands)("$name", (command) => {
    it("says what it does, how it ends and how it is used", () => {
      expect(command.summary).toMatch(/^[a-z].{10,90}[^.]$/);
      expect(command.description.length).toBeGreaterThan(80);
      expect(command.exitCodes.ok).toMatch(/\.$/);
      expect(command.examples.length).toBeGreaterThan(0);
    });

    it("reads every argument and option it offers, and no other", () => {
      const offered = [
        ...(command.arguments ?? []).map(({ form }) => form.replace(/[<>[\].]/g, "")),
        ...(command.options ?? []).map(({ flags }) =>
          (/--([\w-]+)/.exec(flags)?.[1] ?? "").replace(/-(\w)/g, (_, letter: string) =>
            letter.toUpperCase(),
          ),
        ),
      ];
      expect([...command.keys].sort()).toEqual(offered.sort());
    });

    it.each(command.examples)("is reached by its example: $line", async ({ line }) => {
      const [program, ...args] = words(line);
      let reached: string | undefined;
      await createProgram({
        version: "1",
        write: () => undefined,
        hasColours: false,
        async perform({ name }) {
          reached = name;
        },
      }).parseAsync(args, { from: "user" });
      expect([program, reached]).toEqual(["slipway", command.name]);
    });
  });
});
