import type { SessionInfo, WebSocketManager as Manager } from "@discordjs/ws";
import type { REST } from "discord.js";
import type { Secret } from "../../../shared/config/secret.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { UpstreamTimeout, UpstreamUnavailable } from "../../../shared/errors/catalog.ts";
import { pause } from "../../../shared/lib/deadline.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import type { Timers } from "../../../shared/lib/scheduler.ts";
import { wrongToken } from "./api.ts";
import {
  CLOSE_TIMEOUT_MS,
  CONNECT_TIMEOUT_MS,
  DEAF_AFTER_MS,
  FIRST_RETRY_MS,
  LONGEST_RETRY_MS,
} from "./limits.ts";
import { loadGateway } from "./sdk.ts";

/** The gateway. It is found again by itself until it is closed, or Discord says that it will never let us in. */
export interface Connection {
  /** Resolves when Discord has greeted us. Throws when it does not let us in, or not in time. */
  open(): Promise<void>;
  /** Resolves with the socket closed. */
  close(): Promise<void>;
  isConnected(): boolean;
  lastEventAt(): Date | undefined;
  reconnectCount(): number;
  /** Why it was given up; undefined while it was not. */
  failure(): AppError | undefined;
}

export interface ConnectionListener {
  /** An event, in the order of Discord. */
  onEvent(event: { readonly name: string; readonly data: unknown }): void;
  /** A new session began: what happened between the old one and this is not in it. Also of the very first. */
  onGap(): void;
  /** Whether we are connected has changed. */
  onState(isConnected: boolean): void;
}

/** Close codes after which connecting again is no use (topics/opcodes-and-status-codes#gateway). */
const AUTHENTICATION_FAILED = 4004;
const DISALLOWED_INTENTS = 4014;
const FATAL: readonly number[] = [AUTHENTICATION_FAILED, 4010, 4011, 4012, 4013];

/** The vendor's client with everything that belongs to one attempt to be connected. */
interface Attempt {
  readonly manager: Manager;
  /** From now on it neither says nor does anything. */
  isOver: boolean;
  readonly startedAt: Date;
}

export function createConnection(deps: {
  readonly rest: REST;
  readonly token: Secret;
  /** What is heard. */
  readonly intents: number;
  /** Of these, what Discord may refuse without the rest being less worth. */
  readonly optionalIntents: number;
  readonly timers: Timers;
  readonly clock: { now(): Date };
  readonly logger: Logger;
  readonly listener: ConnectionListener;
}): Connection {
  const { rest, timers, clock, logger, listener } = deps;
  let intents = deps.intents;
  let attempt: Attempt | undefined;
  let isClosed = true;
  let isOpen = false;
  let heardAt: Date | undefined;
  let openings = 0;
  let retryMs = FIRST_RETRY_MS;
  let failure: AppError | undefined;
  let cancelWatch: (() => void) | undefined;
  let cancelRetry: (() => void) | undefined;
  let greeted: ((error: AppError | undefined) => void) | undefined;
  /** The vendor's client resumes with it, also when a new one is made. */
  let session: SessionInfo | null = null;

  return {
    open,
    close,
    isConnected: () => isOpen,
    lastEventAt: () => heardAt,
    reconnectCount: () => Math.max(0, openings - 1),
    failure: () => failure,
  };

  async function open(): Promise<void> {
    isClosed = false;
    failure = undefined;
    session = null;
    openings = 0;
    const greeting = new Promise<AppError | undefined>((resolve) => {
      greeted = resolve;
    });
    begin();
    watch();
    const waiting = new AbortController();
    const outcome = await Promise.race([
      greeting,
      pause(timers, CONNECT_TIMEOUT_MS, waiting.signal).then(() => "late" as const),
    ]);
    waiting.abort();
    greeted = undefined;
    if (outcome === "late") {
      throw new UpstreamTimeout(
        { system: "Discord", operation: "connecting", timeoutMs: CONNECT_TIMEOUT_MS },
        { remedy: "Check that WebSockets to gateway.discord.gg pass whatever stands in between." },
      );
    }
    if (outcome) {
      throw outcome;
    }
  }

  function begin(): void {
    const { SimpleIdentifyThrottler, WebSocketManager } = loadGateway();
    const manager = new WebSocketManager({
      token: deps.token.reveal(),
      intents,
      rest,
      shardCount: 1,
      shardIds: [0],
      // Without asking Discord again, which may not answer just then.
      buildIdentifyThrottler: () => Promise.resolve(new SimpleIdentifyThrottler(1)),
      // A client that was destroyed while it connects or waits would connect again for ever. It asks for its session first.
      retrieveSessionInfo: () => (own.isOver ? new Promise(() => undefined) : session),
      updateSessionInfo(_, info) {
        if (!own.isOver) {
          session = info;
        }
      },
    });
    const own: Attempt = { manager, isOver: false, startedAt: clock.now() };
    attempt = own;
    const heard = <T extends unknown[]>(take: (...given: T) => void) => {
      return (...given: T): void => {
        if (!own.isOver) {
          take(...given);
        }
      };
    };
    manager.on(
      "ready",
      heard(() => become(true, "new")),
    );
    manager.on(
      "resumed",
      heard(() => become(true, "resumed")),
    );
    manager.on(
      "dispatch",
      heard(({ data }: { readonly data: { readonly t: string; readonly d: unknown } }) => {
        heardAt = clock.now();
        listener.onEvent({ name: data.t, data: data.d });
      }),
    );
    manager.on(
      "heartbeat",
      heard(() => {
        heardAt = clock.now();
      }),
    );
    manager.on(
      "closed",
      heard(({ code }: { readonly code: number }) => onClosed(code)),
    );
    manager.on("error", ({ error }: { readonly error: Error }) =>
      logger.debug({ err: error }, "discord gateway"),
    );
    manager.on("debug", ({ message }: { readonly message: string }) =>
      logger.debug({ said: message }, "discord gateway"),
    );
    manager.connect().catch(
      heard((error: unknown) => {
        // After a close code it is known already what to do.
        if (attempt === own) {
          logger.debug({ err: error }, "could not connect to the gateway of discord");
          tryAgain(error);
        }
      }),
    );
  }

  function onClosed(code: number): void {
    become(false, "resumed");
    logger.info({ code }, "discord closed the connection");
    if (code === DISALLOWED_INTENTS && (intents & deps.optionalIntents) !== 0) {
      intents &= ~deps.optionalIntents;
      logger.info("discord lets the bot read no messages that do not name it; going on without");
      leave();
      begin();
    } else if (code === DISALLOWED_INTENTS || FATAL.includes(code)) {
      fail(whyRefused(code));
    }
  }

  function tryAgain(error: unknown): void {
    leave();
    if (error instanceof AppError || /expected token/i.test(String(error))) {
      fail(error instanceof AppError ? error : wrongToken("connecting", asError(error)));
      return;
    }
    if (isUnauthorized(error)) {
      fail(wrongToken("connecting", asError(error)));
      return;
    }
    cancelRetry = timers.after(retryMs, () => {
      if (!isClosed && failure === undefined) {
        begin();
      }
    });
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  }

  /** Asking again would only get us locked out. */
  function fail(error: AppError): void {
    failure = error;
    leave();
    logger.error({ err: error }, "gave up connecting to discord");
    greeted?.(error);
  }

  function become(next: boolean, how: "new" | "resumed"): void {
    if (next) {
      heardAt = clock.now();
      retryMs = FIRST_RETRY_MS;
      openings += 1;
      if (how === "new") {
        // Told before any event of the new session.
        listener.onGap();
      }
      greeted?.(undefined);
    }
    if (isOpen !== next) {
      isOpen = next;
      listener.onState(next);
    }
  }

  /**
   * The client notices a dead connection by its heartbeats, but not one that never came up. When nothing was heard for long it
   * is left behind, and a new one goes on with its session.
   */
  function watch(): void {
    cancelWatch = timers.after(DEAF_AFTER_MS / 4, () => {
      const since = Math.max(attempt?.startedAt.getTime() ?? 0, heardAt?.getTime() ?? 0);
      if (attempt && clock.now().getTime() - since >= DEAF_AFTER_MS) {
        logger.warn("nothing heard from discord, connecting again");
        become(false, "resumed");
        leave();
        begin();
      }
      if (!isClosed) {
        watch();
      }
    });
  }

  function leave(): void {
    const left = attempt;
    attempt = undefined;
    if (left) {
      left.isOver = true;
      void destroy(left);
    }
  }

  async function destroy({ manager }: Attempt): Promise<void> {
    try {
      // Told to resume, Discord keeps the session for whoever comes next. While the client waits for a greeting this never
      // ends: it begins to close twice, and the second time takes away what the first waits for.
      await manager.destroy({ code: 4_200, reason: "connecting again" });
    } catch (error) {
      logger.debug({ err: error }, "could not close the gateway of discord");
    }
  }

  async function close(): Promise<void> {
    isClosed = true;
    cancelWatch?.();
    cancelRetry?.();
    const left = attempt;
    attempt = undefined;
    isOpen = false;
    if (!left) {
      return;
    }
    left.isOver = true;
    const waiting = new AbortController();
    await Promise.race([destroy(left), pause(timers, CLOSE_TIMEOUT_MS, waiting.signal)]);
    waiting.abort();
  }
}

function whyRefused(code: number): AppError {
  if (code === AUTHENTICATION_FAILED) {
    return wrongToken("connecting", new Error("4004 authentication failed"));
  }
  return new UpstreamUnavailable(
    { system: "Discord", operation: "connecting", why: `it closed with ${String(code)}` },
    { remedy: "Update Slipway: Discord no longer takes what this version asks for." },
  );
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof Error && "status" in error && error.status === 401;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
