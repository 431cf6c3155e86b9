import { defineConfig } from "vitest/config";

const root = new URL("../../", import.meta.url).pathname;

/** The whole server suite once more, every database in it on a PostgreSQL server that is started for the run. */
export default defineConfig({
  root,
  test: {
    reporters: ["default", "./shared/tooling/skip-reporter.ts"],
    // The tests wait for databases and processes more than they compute, so a core that would be kept free is a core wasted.
    maxWorkers: "100%",
    environment: "node",
    include: ["{bot,shared}/**/*.test.ts", "dashboard/server/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/*.browser.test.ts", "**/*.integration.test.ts", "dist/**"],
    globalSetup: ["shared/testing/postgres-setup.ts"],
    setupFiles: ["shared/testing/refuse-network.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
