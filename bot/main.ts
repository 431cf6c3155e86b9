#!/usr/bin/env node
import { readEnvironment } from "../shared/config/environment.ts";
import { runServer } from "./services/run-server.ts";

await runServer({
  args: process.argv.slice(2),
  environment: readEnvironment(),
  cwd: process.cwd(),
});
