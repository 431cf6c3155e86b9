import { LogLevel } from "@slack/bolt";
import type { Logger } from "../../../shared/lib/logger.ts";

/** A logger as Slack's packages want one. */
interface SdkLogger {
  debug(...words: unknown[]): void;
  info(...words: unknown[]): void;
  warn(...words: unknown[]): void;
  error(...words: unknown[]): void;
  setLevel(level: LogLevel): void;
  setName(name: string): void;
  getLevel(): LogLevel;
}

/**
 * Takes what Slack's packages say. Their small talk holds whole messages, addresses that open sockets and addresses that answer
 * for us, so only warnings are kept, and those without any address.
 */
export function createSdkLogger(logger: Logger): SdkLogger {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: keep,
    error: keep,
    setLevel: () => undefined,
    setName: () => undefined,
    getLevel: () => LogLevel.WARN,
  };

  function keep(...words: readonly unknown[]): void {
    const said = words
      .map(String)
      .join(" ")
      .replace(/\b(?:https?|wss?):\/\/\S+/g, "[address]");
    logger.debug({ said: said.slice(0, 500) }, "slack client");
  }
}
