import { createManualClock } from "../../../../testing/clock.ts";
import { desiredState } from "../../../../testing/deploy-target-contract.ts";
import { createCommandTarget } from "../index.ts";
import { CommandOptions } from "../options.ts";

/**
 * A process that applies billing 1.0.0 once, to be killed by a test: `apply-process.ts <folder> <options as JSON> <PATH>`.
 * Prints what the command prints, and then the outcome.
 */
const [folder = "", options = "", path = ""] = process.argv.slice(2);
const target = createCommandTarget(CommandOptions.parse(JSON.parse(options)), {
  environment: "prod",
  baseDir: folder,
  processEnvironment: { PATH: path },
  secrets: [],
  clock: createManualClock(),
});
const result = await target.apply(desiredState("billing", "1.0.0"), {
  signal: new AbortController().signal,
  log: (line) => process.stdout.write(`${line}\n`),
});
process.stdout.write(`${result.outcome}\n`);
process.exit(0);
