import { defineConfig } from "vitest/config";

const root = new URL("../../", import.meta.url).pathname;

/**
 * Whole-product tests: the built server as its own process, a scripted person over HTTP, a real browser, and the plug pulled.
 * They run one file at a time, against `dist/`, so build first.
 */
export default defineConfig({
  root,
  test: {
    reporters: ["default", "./shared/tooling/skip-reporter.ts"],
    include: ["bot/scenarios/**/*.browser.test.ts"],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
