import type { CliCommand } from "../command.ts";
import { auditVerify } from "./audit-verify.ts";
import { backup } from "./backup.ts";
import { chatCheck } from "./chat-check.ts";
import { configCheck } from "./config-check.ts";
import { migrate } from "./migrate.ts";
import { restore } from "./restore.ts";
import { start } from "./start.ts";
import { tokenCreate } from "./token-create.ts";
import { tokenList } from "./token-list.ts";
import { tokenRevoke } from "./token-revoke.ts";
import { workList } from "./work-list.ts";
import { workRetry } from "./work-retry.ts";

/** Every command of the command-line, in the order of its help. */
export const commands: readonly CliCommand[] = [
  start,
  configCheck,
  migrate,
  tokenCreate,
  tokenList,
  tokenRevoke,
  auditVerify,
  backup,
  restore,
  chatCheck,
  workList,
  workRetry,
];
