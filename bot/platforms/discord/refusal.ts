import { loadDiscord } from "./sdk.ts";

/** What Discord calls its refusals, as far as they mean something to us (topics/opcodes-and-status-codes#json). */
export const REFUSALS = {
  unknownChannel: 10_003,
  unknownMember: 10_007,
  unknownMessage: 10_008,
  unknownUser: 10_013,
  unknownWebhook: 10_015,
  unknownInteraction: 10_062,
  alreadyAnswered: 40_060,
  missingAccess: 50_001,
  notInThisChannel: 50_024,
  cannotWriteTo: 50_007,
  missingPermissions: 50_013,
  tokenIsOver: 50_027,
  threadArchived: 50_083,
  threadExists: 160_004,
} as const;

export interface Refusal {
  readonly status: number;
  readonly code: number;
}

/** The refusal behind an error; undefined when Discord did not refuse. */
export function refusalOf(error: unknown): Refusal | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof loadDiscord().DiscordAPIError
    ? { status: cause.status, code: Number(cause.code) }
    : undefined;
}

/** Whether Discord refused for one of these reasons. */
export function isRefused(error: unknown, ...reasons: readonly (keyof typeof REFUSALS)[]): boolean {
  const code = refusalOf(error)?.code;
  return reasons.some((reason) => REFUSALS[reason] === code);
}
