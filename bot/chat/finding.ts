import { AppError } from "../../shared/errors/app-error.ts";

/** One thing somebody looked at to find out whether a connection works. */
export interface Finding {
  /** `warning`: it works, and somebody should know about it. */
  readonly state: "ok" | "warning" | "problem";
  /** What was found, in a sentence. */
  readonly what: string;
  /** What to do about it; null where there is nothing to do. */
  readonly remedy: string | null;
}

export function fine(what: string): Finding {
  return { state: "ok", what, remedy: null };
}

export function warning(what: string, remedy: string): Finding {
  return { state: "warning", what, remedy };
}

export function problem(what: string, remedy: string | null): Finding {
  return { state: "problem", what, remedy };
}

/** What a check found; what it throws is a problem too. */
export async function findings(
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (error) {
    return error instanceof AppError
      ? [problem(error.message, error.remedy ?? null)]
      : [problem(error instanceof Error ? error.message : String(error), null)];
  }
}

/** What is wrong, when anything is, in a few words. */
export function summarise(found: readonly Finding[]): string | undefined {
  const bad =
    found.find(({ state }) => state === "problem") ??
    found.find(({ state }) => state === "warning");
  return bad && [bad.what, bad.remedy ?? ""].join(" ").trim();
}
