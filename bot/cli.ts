#!/usr/bin/env node
import { readEnvironment } from "../shared/config/environment.ts";
import { runCommandLine } from "./cli/run-command-line.ts";

/** As shells count it: ended by the second signal there is, SIGINT. */
const INTERRUPTED = 130;

const interrupted = new AbortController();
process.once("SIGINT", () => {
  interrupted.abort();
  // Whoever presses it again means it.
  process.once("SIGINT", () => process.exit(INTERRUPTED));
});
// `slipway token list | head`: nobody reads on, and that is no fault.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") {
    throw error;
  }
  process.exit();
});

const exitCode = await runCommandLine({
  args: process.argv.slice(2),
  environment: readEnvironment(),
  cwd: process.cwd(),
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupted.signal,
});
process.exitCode = interrupted.signal.aborted ? INTERRUPTED : exitCode;
