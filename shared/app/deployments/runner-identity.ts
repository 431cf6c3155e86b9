import { hostname } from "node:os";
import { randomToken } from "../../lib/ids.ts";

/** Names this process as an owner of leases: machine, process and a word nobody else has. */
export function runnerIdentity(): string {
  return `${hostname()}:${process.pid}:${randomToken(12)}`;
}

/**
 * Whether the process behind an identity certainly lives no more: it was on this machine, and either its number is ours
 * (so it was an earlier process) or no process has it. Others are given the benefit of the doubt.
 */
export function isRunnerDead(owner: string, self: string): boolean {
  if (owner === self) {
    return false;
  }
  const [host, pid] = parts(owner);
  const [ownHost, ownPid] = parts(self);
  if (host !== ownHost || pid === undefined) {
    return false;
  }
  return pid === ownPid || !isAlive(Number(pid));
}

function parts(identity: string): readonly string[] {
  // From the right: a machine's name may hold a colon.
  const words = identity.split(":");
  return words.length < 3
    ? []
    : [words.slice(0, -2).join(":"), words[words.length - 2] ?? "", words[words.length - 1] ?? ""];
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) {
    return true;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
