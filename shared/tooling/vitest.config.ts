import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vitest/config";

const root = new URL("../../", import.meta.url).pathname;

/** What `npm test` runs: everything that needs Node and git alone, plus what the machine has. */
export default defineConfig({
  root,
  test: {
    reporters: ["default", "./shared/tooling/skip-reporter.ts"],
    // The tests wait for databases and processes more than they compute, so a core that would be kept free is a core wasted.
    maxWorkers: "100%",
    projects: [
      {
        root,
        test: {
          name: "server",
          environment: "node",
          include: ["{bot,shared}/**/*.test.ts", "dashboard/server/**/*.test.ts"],
          exclude: [
            "**/node_modules/**",
            "**/*.browser.test.ts",
            "**/*.integration.test.ts",
            "dist/**",
          ],
          setupFiles: ["shared/testing/refuse-network.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        root,
        plugins: [vue()],
        test: {
          name: "web",
          environment: "happy-dom",
          include: ["dashboard/web/src/**/*.test.ts"],
          setupFiles: ["dashboard/web/src/testing/setup.ts"],
          testTimeout: 30_000,
        },
      },
    ],
  },
});
