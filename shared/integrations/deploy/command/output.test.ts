import { describe, expect, it } from "vitest";
import { createRedactor } from "../../../lib/redact.ts";
import { createOutput, OUTPUT_CUT, OUTPUT_LIMITS } from "./output.ts";

function collect(...secrets: string[]) {
  const lines: string[] = [];
  const output = createOutput(createRedactor(secrets), (line) => lines.push(line));
  return {
    lines,
    output,
    feed(...chunks: (string | Buffer)[]) {
      chunks.forEach((chunk) => output.write("stdout", Buffer.from(chunk)));
      output.end();
      return lines;
    },
  };
}

describe(createOutput.name, () => {
  it.each([
    ["whole lines", ["a\nb\n"], ["a", "b"]],
    ["a line without an end", ["a\nb"], ["a", "b"]],
    ["a line in pieces", ["he", "llo\nwor", "ld\n"], ["hello", "world"]],
    ["empty lines", ["a\n\nb\n"], ["a", "", "b"]],
    ["Windows line ends, also across chunks", ["a\r\nb\r", "\nc\r\n"], ["a", "b", "c"]],
    ["progress bars, as a terminal leaves them", ["10%\r50%\r", "100%\n"], ["100%"]],
    ["colours", ["\u001b[1;31mred\u001b[0m text\n"], ["red text"]],
    [
      "links and titles",
      ["\u001b]8;;http://x\u0007link\u001b]8;;\u001b\\ \u001b]0;t\u0007.\n"],
      ["link ."],
    ],
    ["control characters", ["a\u0000b\u0007c\u0008d\n"], ["abcd"]],
    ["text turned around", ["safe\u202egpj.exe\u2066x\n"], ["safegpj.exex"]],
    ["tabs", ["a\tb\n"], ["a  b"]],
  ])("reads %s", (_what, chunks, expected) => {
    expect(collect().feed(...chunks)).toEqual(expected);
  });

  it("keeps characters whole that arrive in two chunks", () => {
    const bytes = Buffer.from("grün\n");
    expect(collect().feed(bytes.subarray(0, 3), bytes.subarray(3))).toEqual(["grün"]);
  });

  it("hides secrets, also those dressed in colours or in two chunks", () => {
    expect(collect("hush-hush").feed("x hush-", "hush y hu\u001b[1msh-hush\n")).toEqual([
      "x [secret] y [secret]",
    ]);
  });

  it("shortens a long line and never shows the half of a secret at its cut", () => {
    const secret = "s".repeat(5) + "ecret-value";
    const { lines, feed } = collect(secret);
    const limit = OUTPUT_LIMITS.lineCharacters;
    feed(`${"x".repeat(limit - 8)}${secret}${"y".repeat(100_000)}\n`, "next\n");
    expect(lines[0]).toHaveLength(limit);
    expect(lines[0]).toMatch(/line cut$/);
    expect(lines[0]).not.toContain("sssss");
    expect(lines[1]).toBe("next");
  });

  it.each([
    ["too many lines", "line\n".repeat(OUTPUT_LIMITS.lines + 500)],
    ["too much text", `${"z".repeat(1_900)}\n`.repeat(1_000)],
  ])("cuts %s and says so once", (_what, text) => {
    const { lines, output, feed } = collect();
    feed(text, "the end\n");
    expect(lines.filter((line) => line === OUTPUT_CUT)).toHaveLength(1);
    expect(lines.at(-1)).toBe(OUTPUT_CUT);
    expect(lines.length).toBeLessThanOrEqual(OUTPUT_LIMITS.lines + 1);
    expect(output.lastLines().at(-1)).toBe("the end");
  });

  it("keeps the last lines of each stream, however long the other was", () => {
    const { output } = collect("hush-hush");
    output.write("stderr", Buffer.from("the reason is hush-hush\n"));
    output.write("stdout", Buffer.from("noise\n".repeat(5_000)));
    output.write("stdout", Buffer.from(`${"noise\n".repeat(5_000)}last\n\n  \n`));
    output.end();
    expect(output.lastLines("stderr")).toEqual(["the reason is [secret]"]);
    expect(output.lastLines("stdout").at(-1)).toBe("last");
    expect(output.lastLines()).toHaveLength(OUTPUT_LIMITS.lastLines);
  });
});
