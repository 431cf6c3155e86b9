import { describe, expect, it } from "vitest";
import { deploymentSummary, type SummaryFacts } from "./deployment-summary.ts";

const facts: SummaryFacts = {
  kind: "deploy",
  status: "succeeded",
  environment: "prod",
  services: [],
  failures: [],
  stopped: null,
  unreachable: null,
};

/** `+` carries the version, `-` was touched and does not, `?` nobody knows, a bare name was not touched. */
function services(...words: readonly string[]): SummaryFacts["services"] {
  return words.map((word) => {
    const service = word.replace(/^[+?-]/, "");
    switch (word[0]) {
      case "+":
        return { service, wasTouched: true, isCarried: true };
      case "-":
        return { service, wasTouched: true, isCarried: false };
      case "?":
        return { service, wasTouched: true, isCarried: null };
      default:
        return { service, wasTouched: false, isCarried: false };
    }
  });
}

describe(deploymentSummary.name, () => {
  it.each<[string, Partial<SummaryFacts>, string]>([
    ["one service", { services: services("+api") }, "api runs the new version in prod."],
    [
      "a rollback",
      { kind: "rollback", services: services("+api", "+auth") },
      "api and auth run the earlier version in prod.",
    ],
    [
      "a failure",
      {
        status: "failed",
        services: services("+auth", "-api", "web"),
        failures: [{ wave: 2, service: "api", stage: "deploy", outcome: "No such image." }],
      },
      "Wave 2: api could not be deployed. No such image. auth runs the new version in prod. api does not run it. web was not touched.",
    ],
    [
      "a branch that could not be landed on",
      {
        services: services("+api"),
        failures: [{ wave: 1, service: "api", stage: "land", outcome: "master has moved." }],
      },
      "api runs the new version in prod. api was not landed. master has moved.",
    ],
    [
      "a target that does not answer",
      {
        status: "errored",
        services: services("?api", "web"),
        unreachable: "The target does not answer.",
      },
      "What api runs now is not known: The target does not answer. web was not touched.",
    ],
    [
      "a cancel before anything happened",
      { status: "aborted", services: services("api", "web"), stopped: "Cancelled by Olivia." },
      "Cancelled by Olivia. No service in prod runs the new version. api and web were not touched.",
    ],
  ])("tells of %s", (_, own, sentence) => {
    expect(deploymentSummary({ ...facts, ...own })).toBe(sentence);
  });

  it("does not list hundreds of names", () => {
    const many = services(...Array.from({ length: 300 }, (_, index) => `+service-${index}`));
    expect(deploymentSummary({ ...facts, services: many })).toMatch(
      /service-19 and 280 more run the new version in prod\.$/,
    );
  });
});
