import type { Logger } from "../lib/logger.ts";
import type { Timers } from "../lib/scheduler.ts";
import type { Database } from "./connect.ts";
import { createExclusive, holdLease, type Exclusive } from "./held-lease.ts";
import { createLeadership, createSoleLeadership, type Leadership } from "./leadership.ts";
import { createLeases } from "./leases.ts";
import type { Signals } from "./signals.ts";
import type { UnitOfWork } from "./unit-of-work.types.ts";

/** What the processes of an installation agree on among themselves. */
export interface Processes {
  /** This process, for others. */
  readonly identity: string;
  /** Whether there may be others. */
  readonly areMany: boolean;
  /** Who runs the chat part. */
  readonly chat: Leadership;
  readonly exclusive: Exclusive;
  /** Takes a right for as long as this process lives; null when another process has it. */
  hold(name: string): Promise<{ release(): Promise<void> } | null>;
  /** Who has a right now, for messages. */
  holder(name: string): Promise<string | null>;
}

/** By leases where several processes serve the database; by being alone where one does. */
export function createProcesses(deps: {
  readonly database: Database;
  readonly uow: UnitOfWork;
  readonly signals: Signals;
  /** See `processIdentity`. */
  readonly owner: string;
  readonly logger: Logger;
  readonly timers: Timers;
}): Processes {
  const { owner: identity } = deps;
  if (!deps.database.dialect.servesManyWriters) {
    return {
      identity,
      areMany: false,
      chat: createSoleLeadership(identity),
      exclusive: (_name, work) => work(),
      hold: async () => ({ release: async () => undefined }),
      holder: async () => identity,
    };
  }
  const parts = { ...deps, leases: createLeases(deps) };
  return {
    identity,
    areMany: true,
    chat: createLeadership({ ...parts, name: "chat" }),
    exclusive: createExclusive(parts),
    hold: (name) => holdLease(parts, name),
    async holder(name) {
      const holder = await parts.leases.holder(name);
      return holder?.isHeld ? holder.owner : null;
    },
  };
}
