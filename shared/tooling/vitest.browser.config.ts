import { defineConfig } from "vitest/config";

const root = new URL("../../", import.meta.url).pathname;

/**
 * Whole-product tests: the built server as its own process, a scripted person over HTTP, a real browser, and the plug pulled.
 * They run one file at a time, against `dist/`, so build first. With SLIPWAY_TEST_DATABASE=postgres on a PostgreSQL server that
 * is started for the run, and with SLIPWAY_TEST_PROCESSES="chat web worker" with a process for each part.
 */
export default defineConfig({
  root,
  test: {
    reporters: ["default", "./shared/tooling/skip-reporter.ts"],
    include: ["bot/scenarios/**/*.browser.test.ts"],
    globalSetup:
      process.env["SLIPWAY_TEST_DATABASE"] === "postgres"
        ? ["shared/testing/postgres-setup.ts"]
        : [],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
