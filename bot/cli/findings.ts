import { AppError } from "../../shared/errors/app-error.ts";
import { startDeadline, untilAborted } from "../../shared/lib/deadline.ts";
import { systemTimers } from "../../shared/lib/scheduler.ts";
import { problem, type Finding } from "../chat/finding.ts";
import type { Output } from "./output.ts";

/** Something that can be tried, and what came of it. */
export interface Check {
  /** E.g. `database`, `target of prod`. */
  readonly name: string;
  try(signal: AbortSignal): Promise<readonly Finding[]>;
}

export interface Checked {
  readonly name: string;
  readonly findings: readonly Finding[];
}

/** Tries everything side by side, each for at most `limitMs`. A failure is a finding; nothing throws. */
export function tryAll(
  checks: readonly Check[],
  options: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<readonly Checked[]> {
  return Promise.all(
    checks.map(async (check) => ({ name: check.name, findings: await tryOne(check, options) })),
  );
}

async function tryOne(
  check: Check,
  { limitMs, signal }: { readonly limitMs: number; readonly signal: AbortSignal },
): Promise<readonly Finding[]> {
  const deadline = startDeadline(systemTimers, limitMs, [signal]);
  try {
    return await untilAborted(check.try(deadline.signal), deadline.signal);
  } catch (error) {
    if (signal.aborted) {
      return [problem("Not tried to the end: you asked to stop.", null)];
    }
    if (deadline.isOver) {
      return [
        problem(
          `No answer within ${String(limitMs / 1000)} s.`,
          "Look whether it runs and can be reached from this machine, or allow more with --timeout.",
        ),
      ];
    }
    return [explain(error)];
  } finally {
    deadline.end();
  }
}

/** What went wrong, as a finding. */
export function explain(error: unknown): Finding {
  if (error instanceof AppError) {
    return problem(error.message, error.remedy ?? null);
  }
  return problem(error instanceof Error ? error.message : String(error), null);
}

export function hasProblem(checked: readonly Checked[]): boolean {
  return checked.some(({ findings }) => findings.some(({ state }) => state === "problem"));
}

const MARKS = {
  ok: ["ok", "good"],
  warning: ["warning", "warning"],
  problem: ["problem", "bad"],
} as const;

/** One line per finding, its remedy below it. */
export function printFindings(checked: readonly Checked[], out: Output): void {
  const width = Math.max(...checked.map(({ name }) => name.length));
  for (const { name, findings } of checked) {
    findings.forEach(({ state, what, remedy }, index) => {
      const [word, tone] = MARKS[state];
      const label = (index === 0 ? name : "").padEnd(width);
      out.line(`${label}  ${out.style(tone, word.padEnd(7))}  ${what}`);
      if (remedy !== null) {
        out.line(`${" ".repeat(width + 11)}${out.style("strong", "Fix:")} ${remedy}`);
      }
    });
  }
}
