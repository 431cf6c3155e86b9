import { describe } from "vitest";
import { createSampleInstallation } from "./testing/installation.ts";
import { mainJob } from "./testing/main-job.ts";

describe("the main job in the sample, with repositories of git and targets of commands", () => {
  mainJob(createSampleInstallation);
});
