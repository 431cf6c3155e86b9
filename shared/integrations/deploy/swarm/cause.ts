import type { CauseClass } from "../../../core/ports/deploy-target.ts";
import type { ContainerFacts, SwarmTask } from "./swarm-state.ts";

/** Why a task ended, in one word and one half sentence. */
export interface Cause {
  readonly cause: CauseClass;
  readonly why: string;
}

/** What helps to read an exit code. */
export interface CauseFacts {
  readonly hasHealthcheck: boolean;
  readonly hasMemoryLimit: boolean;
  /** What the engine says of the container; undefined when it is on another node, or gone. */
  readonly container?: ContainerFacts | undefined;
}

/**
 * What engines write, by what it means; the first that fits decides. Written by many programs (the engine, its registry
 * client, runc), so only the parts that have stayed the same for years are looked for.
 */
const BY_MESSAGE: readonly (readonly [RegExp, CauseClass])[] = [
  [/no space left on device|disk quota exceeded/i, "disk_full"],
  [/host-mode port already in use|port is already allocated|address already in use/i, "port"],
  [/no suitable node/i, "scheduling"],
  [
    /no such image|pull access denied|manifest(?: for)? .*(?:unknown|not found)|repository .* not found|no matching manifest|no basic auth credentials|unauthorized|toomanyrequests|failed to (?:pull|resolve|copy)|error pulling image|image operating system/i,
    "image_pull",
  ],
  [/unhealthy container/i, "health_check"],
  [/out ?of ?memory|oom/i, "out_of_memory"],
  // Before networks, whose names are quoted in many of these.
  [/oci runtime|executable file not found|exec format error|exec: /i, "config"],
  [
    /invalid mount|bind source path|mount config|volume driver|(?:secret|config) .*(?:not found|not available)/i,
    "config",
  ],
  [/network|ingress|subnet|no available ip|endpoint with name/i, "network"],
];

const LONGEST_MESSAGE = 300;

/** 128 + 9: something killed it, and in a container with a memory limit that is nearly always the limit. */
const KILLED = 137;

export function causeOf(
  task: Pick<SwarmTask, "state" | "error" | "exitCode">,
  facts: CauseFacts,
): Cause {
  const { container, hasHealthcheck } = facts;
  const error = shown(task.error ?? "");
  if (container?.isOutOfMemory) {
    return { cause: "out_of_memory", why: "it used more memory than it may" };
  }
  if (container?.isUnhealthy) {
    const said = shown(container.lastCheck);
    return {
      cause: "health_check",
      why: `its health check never became green${said === "" ? "" : ` (${said})`}`,
    };
  }
  const known = BY_MESSAGE.find(([pattern]) => pattern.test(error));
  if (known) {
    return { cause: known[1], why: error };
  }
  if (task.state === "complete" || task.exitCode === 0) {
    // Swarm stops a container whose health check fails. One that then says goodbye politely looks as if it had finished.
    return hasHealthcheck && container === undefined
      ? { cause: "health_check", why: "it was stopped before its health check was green" }
      : { cause: "crash", why: "it ends by itself with exit code 0" };
  }
  if (task.exitCode === KILLED && facts.hasMemoryLimit && container === undefined) {
    return { cause: "out_of_memory", why: "it was killed (exit code 137), as a memory limit does" };
  }
  if (task.exitCode !== null && task.exitCode !== 0) {
    return { cause: "crash", why: `it ends with exit code ${task.exitCode}` };
  }
  return { cause: "unknown", why: error === "" ? `it ended ${task.state}` : error };
}

function shown(text: string): string {
  const line = text.replace(/\p{Cc}+/gu, " ").trim();
  return line.length > LONGEST_MESSAGE ? `${line.slice(0, LONGEST_MESSAGE)}…` : line;
}
