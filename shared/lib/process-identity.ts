import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { randomToken } from "./ids.ts";

/**
 * Names this process as an owner of leases: machine, process and a word nobody else has. The machine is more than its name:
 * containers may share a name, and each of them has a process 1.
 */
export function processIdentity(): string {
  return `${machine()}:${process.pid}:${randomToken(12)}`;
}

/** The same for people who read it: machine and process. */
export function spokenIdentity(identity: string): string {
  const [host, pid] = parts(identity);
  return host === undefined ? identity : `${host.replace(/@.*$/s, "")}, process ${pid ?? "?"}`;
}

/**
 * Whether the process behind an identity certainly lives no more: it was on this machine, and either its number is ours
 * (so it was an earlier process) or no process has it. Others are given the benefit of the doubt.
 */
export function isProcessDead(owner: string, self: string): boolean {
  if (owner === self) {
    return false;
  }
  const [host, pid] = parts(owner);
  const [ownHost, ownPid] = parts(self);
  if (host === undefined || host !== ownHost || pid === undefined) {
    return false;
  }
  return pid === ownPid || !isAlive(Number(pid));
}

/**
 * Where process numbers mean the same: one boot of one machine and, where the system tells, one namespace of process
 * numbers. Two processes that agree in this can see each other.
 */
function machine(): string {
  const space = [
    tell(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim().slice(0, 8)),
    tell(() => /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? ""),
  ].filter((word) => word !== "");
  return space.length === 0 ? hostname() : `${hostname()}@${space.join(".")}`;
}

/** Empty where the system does not tell, e.g. on another one than Linux. */
function tell(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
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
