import { readFileSync } from "node:fs";

/** What Linux tells about one process. */
export interface ProcessStat {
  /** False for a dead process that nobody has collected yet. */
  readonly isLiving: boolean;
  /** Number of its process group. */
  readonly group: number;
  /** When it started, in ticks since the machine did. */
  readonly started: string;
}

/** Undefined when there is no such process, or it is hidden from us. Linux only. */
export function readStat(pid: string): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything, so the fields are counted after its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, , group] = fields;
    const started = fields[19];
    return state === undefined || started === undefined
      ? undefined
      : { isLiving: state !== "Z" && state !== "X", group: Number(group), started };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES") {
      return undefined; // it ended while we looked
    }
    throw error;
  }
}
