import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeWith } from "../../../testing/needs.ts";
import { escapeDollars, interpolate, readTemplate, referencesIn } from "./interpolate.ts";
import { DOCKER_PART, dockerRenders, hasDockerCli } from "./testing/docker-config.ts";

const VARIABLES = { A: "aval", lower: "low", A_1: "one" };

/** Text → what it becomes, with docker as with us. */
const FILLED: readonly (readonly [string, string])[] = [
  ["", ""],
  ["plain: text, no dollar", "plain: text, no dollar"],
  ["$A", "aval"],
  ["${A}", "aval"],
  ["${lower}/${A_1}", "low/one"],
  ["$A/$A_1", "aval/one"],
  ["$A.b", "aval.b"],
  ["${A}-b", "aval-b"],
  ["${B:-x}", "x"],
  ["${B-x}", "x"],
  ["${B:-}", ""],
  ["${B:-a b:c/d?e}", "a b:c/d?e"],
  ["${A:-x}", "aval"],
  ["${A:?set it}", "aval"],
  ["${A?set it}", "aval"],
  ["$$A", "$A"],
  ["$$$A", "$aval"],
  ["$${A}", "${A}"],
  ["$$", "$"],
  ["${B:-a}b}", "ab}"],
  ["größe ${A} 🚀", "größe aval 🚀"],
];

/** Texts docker refuses, and so do we. */
const REFUSED = [
  "$",
  "a$",
  "$1",
  "$-",
  "$ A",
  "${",
  "${A",
  "${}",
  "${1A}",
  "${A b}",
  "${A:+x}",
  "${A+x}",
  "${A/x/y}",
  "${A:0:1}",
  "$é",
  "${B:?set it}",
  "${B?}",
];

/** Texts docker takes and gets wrong, with what it makes of them. */
const WRONG_IN_DOCKER: readonly (readonly [string, string])[] = [
  ["shop/api:${B}", "shop/api:"],
  ["shop/api:$B", "shop/api:"],
  ["${B:-${A}}", "${A}"],
  ["${B:-$A}", "$A"],
  ["${B:-$$}", "$$"],
  ["$B-x y", "x y"],
  ["$A-b", "aval"],
  ["$A:-b", "aval"],
];

describe(interpolate, () => {
  it.each(FILLED)("makes of %j %j", (text, filled) => {
    expect(interpolate(text, VARIABLES)).toBe(filled);
  });

  it.each([...REFUSED, ...WRONG_IN_DOCKER.map(([text]) => text)])("refuses %j", (text) => {
    expect(interpolate(text, VARIABLES)).toBeNull();
  });

  it.each(["${A:+x}", "${B:-${A}}", "$A-b", "$1", "${A"])("says of %j what to do", (text) => {
    const template = readTemplate(text);
    expect(template).toMatchObject({ ok: false, problem: { fix: expect.stringMatching(/\.$/) } });
  });

  it("takes a hostile text in linear time", () => {
    const text = "${A:-".repeat(100_000);
    expect(readTemplate(text).ok).toBe(false);
    expect(readTemplate("$$".repeat(200_000)).ok).toBe(true);
  });

  it("finds the variables of a text", () => {
    expect(referencesIn("$$x ${A:-1}/$B ${C?}").map(({ name }) => name)).toEqual(["A", "B", "C"]);
  });
});

describe(escapeDollars, () => {
  it("is undone by filling in", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("$", "{", "}", "A", "-", ":", "?", "é") }),
        (text) => {
          expect(interpolate(escapeDollars(text), {})).toBe(text);
        },
      ),
    );
  });
});

describeWith(DOCKER_PART, hasDockerCli)("docker itself", () => {
  /** What docker makes of one text; null when it refuses it. */
  function docker(text: string): unknown {
    const services = { s: { image: "x", command: [text] } };
    const rendered = dockerRenders(JSON.stringify({ version: "3.8", services }), VARIABLES);
    const service = (rendered?.["services"] as { s: { command: unknown[] } } | undefined)?.s;
    return service ? service.command[0] : null;
  }

  it("fills in as we do", () => {
    expect(FILLED.map(([text]) => docker(text))).toEqual(FILLED.map(([, filled]) => filled));
  });

  it("refuses what we refuse", () => {
    expect(REFUSED.map(docker)).toEqual(REFUSED.map(() => null));
  });

  it("gets wrong what we refuse to let it have", () => {
    expect(WRONG_IN_DOCKER.map(([text]) => docker(text))).toEqual(
      WRONG_IN_DOCKER.map(([, wrong]) => wrong),
    );
  });

  it("agrees with us on whatever we do not refuse", () => {
    const piece = fc.constantFrom(
      ...[
        "$",
        "$$",
        "${",
        "}",
        "A",
        "B",
        "a_1",
        ":-",
        "-",
        ":?",
        "?",
        ":+",
        "x",
        " ",
        "/",
        "é",
        "1",
      ],
    );
    const seen: string[] = [];
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => void seen.push(pieces.join(""))),
      { numRuns: 400, seed: 20261121 },
    );
    // One process for all of them: each that we refuse would make docker refuse the others, too.
    const taken = seen.filter((text) => interpolate(text, VARIABLES) !== null);
    const services = { s: { image: "x", command: ["first", ...taken] } };
    const rendered = dockerRenders(JSON.stringify({ version: "3.8", services }), VARIABLES);
    const service = (rendered?.["services"] as { s: { command: unknown[] } } | undefined)?.s;
    expect(service?.command.slice(1)).toEqual(taken.map((text) => interpolate(text, VARIABLES)));
    expect(taken.length).toBeGreaterThan(50);
  });
});
