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
