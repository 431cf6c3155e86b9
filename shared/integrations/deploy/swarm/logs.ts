import { AppError } from "../../../errors/app-error.ts";
import { createRedactor, type Redact } from "../../../lib/redact.ts";
import { createOutput } from "../command/output.ts";
import type { Engine } from "./engine.ts";
import type { SwarmService, SwarmTask } from "./swarm-state.ts";

const HEADER_BYTES = 8;
const STREAMS = { 0: "stdout", 1: "stdout", 2: "stderr" } as const;

/**
 * Turns the log of a task into lines fit to be shown: secrets replaced, control characters gone, shortened. Without a
 * terminal the engine wraps each piece into a header of eight bytes that says which stream it is of and how long.
 */
export function readLog(raw: Buffer, hasTerminal: boolean, redact: Redact): readonly string[] {
  const output = createOutput(redact, () => undefined);
  if (hasTerminal) {
    output.write("stdout", raw);
  } else {
    for (const { stream, chunk } of frames(raw)) {
      output.write(stream, chunk);
    }
  }
  output.end();
  return output.lastLines();
}

function* frames(raw: Buffer) {
  for (let at = 0; at + HEADER_BYTES <= raw.length;) {
    const type = raw.readUInt8(at);
    const length = raw.readUInt32BE(at + 4);
    if (type !== 0 && type !== 1 && type !== 2) {
      // Not wrapped, whatever the spec said: better shown as it is than not at all.
      yield { stream: STREAMS[1], chunk: raw.subarray(at) };
      return;
    }
    const start = at + HEADER_BYTES;
    yield { stream: STREAMS[type], chunk: raw.subarray(start, start + length) };
    at = start + length;
  }
}

/** The last lines of a task, redacted, or one line that says why there are none. */
export type ReadTaskLog = (
  service: Pick<SwarmService, "tty" | "env">,
  task: Pick<SwarmTask, "id">,
  signal: AbortSignal,
) => Promise<readonly string[]>;

const LINES = 20;

/** Values of variables with such a name are kept out of output. */
const CREDENTIAL_NAME = /token|secret|passw|key|credential|auth/i;

export function createLogReader(
  engine: Pick<Engine, "taskLog">,
  secrets: readonly string[],
): ReadTaskLog {
  return async (service, task, signal) => {
    const redact = createRedactor([...secrets, ...credentialsOf(service.env)]);
    try {
      return readLog(await engine.taskLog(task.id, LINES, signal), service.tty, redact);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AppError) {
        // A verdict without its log is still a verdict.
        return [redact(`(its output cannot be read: ${error.message})`)];
      }
      throw error;
    }
  };
}

function credentialsOf(env: readonly string[]): readonly string[] {
  return env.flatMap((entry) => {
    const at = entry.indexOf("=");
    return at > 0 && CREDENTIAL_NAME.test(entry.slice(0, at)) ? [entry.slice(at + 1)] : [];
  });
}
