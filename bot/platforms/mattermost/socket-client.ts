import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compileFunction } from "node:vm";
import type { WebSocketClient } from "@mattermost/client";
import { CloseEvent, WebSocket } from "undici";
import type { Timers } from "../../../shared/lib/scheduler.ts";

const require = createRequire(import.meta.url);

/** Makes the vendor's client of the event stream. */
export type SocketClientFactory = typeof WebSocketClient;

/**
 * Loads the vendor's client with surroundings of its own. It was written for browsers: it reads the globals `WebSocket` and
 * `CloseEvent`, which Node 20 lacks (a lost connection would end the process with a ReferenceError), prints to the console, and
 * uses timers that tests cannot move. Given to it alone, nobody else finds globals that are not Node's.
 */
export function loadSocketClient(surroundings: {
  readonly timers: Timers;
  /** Hears what it would print. */
  readonly print: (...words: readonly unknown[]) => void;
}): SocketClientFactory {
  const { timers, print } = surroundings;
  const file = join(dirname(require.resolve("@mattermost/client")), "websocket.js");
  const globals = {
    WebSocket,
    CloseEvent,
    console: { log: print, warn: print, error: print },
    ...createTimerFunctions(timers),
  };
  const run = compileFunction(
    readFileSync(file, "utf8"),
    ["exports", "require", ...Object.keys(globals)],
    { filename: file },
  ) as (...values: readonly unknown[]) => void;
  const exports: { default?: SocketClientFactory } = {};
  run(exports, createRequire(file), ...Object.values(globals));
  if (!exports.default) {
    throw new Error("@mattermost/client has no WebSocketClient where it used to be");
  }
  return exports.default;
}

type Cancel = (() => void) | null | undefined;

/** What a browser's timers are called, on top of ours. Their handles are the functions that cancel them. */
function createTimerFunctions(timers: Timers) {
  return {
    setTimeout: (run: () => void, ms: number) => timers.after(ms, run),
    clearTimeout: (cancel: Cancel) => cancel?.(),
    setInterval(run: () => void, ms: number) {
      let cancel = timers.after(ms, beat);
      let isOver = false;
      return () => {
        isOver = true;
        cancel();
      };
      function beat(): void {
        run();
        if (!isOver) {
          cancel = timers.after(ms, beat);
        }
      }
    },
    clearInterval: (cancel: Cancel) => cancel?.(),
  };
}
