import type { Reporter, TestModule } from "vitest/node";

/** Prints which tests were skipped and why (their names say what is missing), so that a skip is never silent. */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests("skipped")].map(
        (test) => `${module.relativeModuleId}: ${test.fullName}`,
      ),
    );
    if (skipped.length === 0) {
      return;
    }
    process.stdout.write(`\nSkipped, because this machine lacks what they need:\n`);
    for (const name of skipped) {
      process.stdout.write(`  - ${name}\n`);
    }
  }
}
