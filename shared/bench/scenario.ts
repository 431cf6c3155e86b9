import type { Row } from "./report.ts";

/** What a scenario may know of the run. */
export interface RunContext {
  /** Smaller and shorter: to see that everything works, not to compare. */
  readonly isQuick: boolean;
  /** Tells the person who waits. */
  readonly progress: (text: string) => void;
}

/** One group of numbers. */
export interface Scenario {
  /** For `--only`. */
  readonly name: string;
  readonly title: string;
  /** Throws {@link NotHere} when this machine lacks what it needs. */
  run(context: RunContext): Promise<readonly Row[]>;
}

/** This machine lacks something a scenario needs. Shown in the report, never hidden. */
export class NotHere extends Error {}
