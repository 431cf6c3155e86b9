import { describe, expect, it } from "vitest";
import {
  deploymentSubject,
  environmentSubject,
  outcomeSubject,
  readySubject,
  releaseSubject,
  subjectName,
} from "./live-card.ts";

describe(subjectName.name, () => {
  it.each([
    [releaseSubject(12), "Release #12"],
    [readySubject(12), "Release #12"],
    [deploymentSubject(7), "Deployment #7"],
    [outcomeSubject(7), "Deployment #7"],
    [environmentSubject("prod-eu"), "Environment prod-eu"],
    ["other", "Other"],
  ])("calls %s %s", (subject, name) => {
    expect(subjectName(subject)).toBe(name);
  });
});
