import { openDatabase } from "../../../db/connect.ts";
import { createUnitOfWork } from "../../../db/unit-of-work.ts";
import { createLogger } from "../../../lib/logger.ts";
import { createDeploymentRunner } from "../deployment-runner.ts";
import { processIdentity } from "../../../lib/process-identity.ts";
import { crashDeps } from "./crash-workspace.ts";

/**
 * A process that runs one deployment and kills itself, as nothing else could, the moment it reaches a boundary for the given
 * time: `runner-process.ts <database url> <folder> <deployment id> <boundary> <nth>`. Prints `survived` when it never does.
 */
const [url = "", folder = "", deploymentId = "", boundary = "", nth = "1"] = process.argv.slice(2);
const logger = createLogger({ level: "silent" });
const clock = { now: () => new Date() };
const database = await openDatabase({ url, logger });
const uow = createUnitOfWork({
  database,
  subscribers: [],
  correlationId: () => "crashing",
  clock,
  onCommit: () => undefined,
  logger,
});
let left = Number(nth);
const runner = createDeploymentRunner({
  ...crashDeps(folder, uow),
  owner: processIdentity(),
  leaseMs: 60_000,
  heartbeatMs: 20_000,
  stopGraceMs: 1_000,
  parallel: 1,
  isOwnerDead: () => false,
  onBoundary(reached) {
    if (reached === boundary) {
      left -= 1;
      if (left === 0) {
        process.kill(process.pid, "SIGKILL");
      }
    }
  },
});
await runner.advance(deploymentId);
await database.close();
process.stdout.write("survived\n");
process.exit(0);
