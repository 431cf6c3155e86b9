import { defineConfig } from "vitest/config";

const root = new URL("../../", import.meta.url).pathname;

/**
 * Tests against real parts that are slow to start: a Docker Swarm, a PostgreSQL server. One file at a time, because the parts
 * share this machine; where one is missing its tests are skipped by name, and fail with REQUIRE_ALL=1.
 */
export default defineConfig({
  root,
  test: {
    reporters: ["default", "./shared/tooling/skip-reporter.ts"],
    include: ["{bot,shared}/**/*.integration.test.ts", "dashboard/server/**/*.integration.test.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
