import { CommandInvalid } from "../../shared/errors/catalog.ts";
import { parseDuration } from "../../shared/lib/time.ts";
import { lockEnvironment, unlockEnvironment } from "../cards/action-refs.ts";
import { askCard } from "../cards/ask-card.ts";
import { lockForm } from "../cards/environment-card.ts";
import { environmentLive, unlockedWords } from "../cards/environment-live.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import {
  REASON_OPTION,
  readDuration,
  readEnvironment,
  readReasonOrRest,
} from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";
import { toAnswer } from "../chat/live-card.ts";

const USAGE = 'lock <environment> "why" [--for 2h]';

export const environmentLock = defineCommand({
  id: "environment.lock",
  phrase: "lock",
  summary: "Stop deploys to an environment, with a reason, for a while or until unlocked",
  usage: USAGE,
  group: "environments",
  permission: "environment.lock",
  changes: true,
  examples: ['lock prod "Database migration"', 'lock prod "Sale is on" --for 2h'],
  options: { for: { kind: "value" }, ...REASON_OPTION },
  read(input) {
    const environment = readEnvironment(input);
    const forText = input.option("for");
    const forMs = readDuration(input, forText);
    return { environment, reason: readReasonOrRest(input), forText, forMs };
  },
  async run(context, { environment, reason, forText, forMs }) {
    if (reason !== undefined) {
      return lock(context, environment, reason, forMs);
    }
    const form = lockForm(environment, forText);
    return {
      card: askCard("Everybody who wants to deploy will see the reason.", "Lock", form),
      visibility: "only-you",
    };
  },
});

export const environmentLockAction = defineAction(lockEnvironment, {
  permission: "environment.lock",
  changes: true,
  async run(context, { environment }, values) {
    const typed = values["for"]?.trim() ?? "";
    const forMs = typed === "" ? undefined : parseDuration(typed);
    if (typed !== "" && forMs === undefined) {
      const why = `"${typed}" is not a duration. Write for example 30m, 2h or 1d.`;
      throw new CommandInvalid({ command: "lock", why, usage: USAGE });
    }
    return lock(context, environment, values["reason"] ?? "", forMs);
  },
});

export const environmentUnlock = defineCommand({
  id: "environment.unlock",
  phrase: "unlock",
  summary: "Allow deploys to an environment again",
  usage: "unlock <environment>",
  group: "environments",
  permission: "environment.lock",
  changes: true,
  examples: ["unlock prod"],
  read: (input) => ({ environment: readEnvironment(input) }),
  run: (context, { environment }) => unlock(context, environment),
});

export const environmentUnlockAction = defineAction(unlockEnvironment, {
  permission: "environment.lock",
  changes: true,
  run: (context, { environment }) => unlock(context, environment),
});

async function lock(
  { actor, services }: CommandContext,
  name: string,
  reason: string,
  forMs: number | undefined,
): Promise<Answer> {
  const input = { reason, ...(forMs === undefined ? {} : { forMs }) };
  const environment = await services.environments.lock(actor, name, input);
  return toAnswer(environmentLive(environment));
}

async function unlock({ actor, services }: CommandContext, name: string): Promise<Answer> {
  const environment = await services.environments.unlock(actor, name);
  // The words of the announcement, so that neither edits the other's card.
  const gone = { lock: unlockedWords(`unlocked by ${actor.name}`) };
  return toAnswer(environmentLive(environment, gone));
}
