import type { Result } from "./measure.ts";

export type Unit = "per second" | "ms" | "MB" | "kB" | "count" | "ratio";

/** One line of the report: what was measured, ours, what it is compared with, and what was wanted. */
export interface Row {
  readonly what: string;
  readonly unit: Unit;
  readonly ours: Result;
  /** Peers and lower bounds of the same run. */
  readonly beside: readonly Result[];
  readonly goals: readonly Goal[];
}

export interface Goal {
  readonly text: string;
  readonly isMet: boolean;
}

/** How one scenario ended. */
export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  readonly seconds: number;
  readonly rows: readonly Row[];
  /** Why there is no result: what this machine lacks, or what went wrong. */
  readonly skipped: string | null;
  readonly failed: string | null;
}

export interface Report {
  readonly startedAt: string;
  readonly commit: string | null;
  readonly isQuick: boolean;
  readonly machine: Machine;
  readonly scenarios: readonly ScenarioReport[];
}

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly platform: string;
  readonly node: string;
  /** Load of the last minute when the run began: above zero, others were working here too. */
  readonly loadAtStart: number;
}

/** `ours ≥ goal`. */
export function atLeast(ours: number, goal: number, text: string): Goal {
  return { text: `≥ ${text}`, isMet: ours >= goal };
}

/** `ours ≤ goal`. */
export function atMost(ours: number, goal: number, text: string): Goal {
  return { text: `≤ ${text}`, isMet: ours <= goal };
}

/** The whole report as a table in Markdown, readable as plain text too. */
export function toTable(report: Report): string {
  const lines = report.scenarios.flatMap((scenario) => {
    const problem = scenario.failed ?? scenario.skipped;
    const head =
      problem === null
        ? []
        : [
            [
              scenario.title,
              `_${scenario.failed === null ? "skipped" : "failed"}_`,
              problem,
              "",
              "",
            ],
          ];
    return [...head, ...scenario.rows.map(toCells)];
  });
  return layOut([["What", "Slipway", "Beside, in the same run", "Goal", "Met"], ...lines]);
}

/** What the machine is, in one line. */
export function toMachineLine({ machine, isQuick }: Report): string {
  const { cores, processor, memoryGb, platform, node, loadAtStart } = machine;
  return [
    `${cores} cores (${processor}), ${memoryGb} GB, ${platform}, Node ${node}`,
    `load ${loadAtStart.toFixed(1)} when it began`,
    ...(isQuick ? ["quick run: smaller and less exact"] : []),
  ].join("; ");
}

function toCells(row: Row): string[] {
  return [
    row.what,
    toText(row.ours, row.unit),
    row.beside.map((one) => `${one.name} ${toText(one, row.unit)}`).join("; "),
    row.goals.map((goal) => goal.text).join("; "),
    row.goals.map((goal) => (goal.isMet ? "yes" : "**no**")).join("; "),
  ];
}

function toText({ value }: Result, unit: Unit): string {
  const digits = Number.isInteger(value) ? 0 : Math.max(0, 2 - Math.floor(Math.log10(value)));
  const number = value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  switch (unit) {
    case "per second":
      return `${number}/s`;
    case "ratio":
      return `${number} ×`;
    case "count":
      return number;
    default:
      return `${number} ${unit}`;
  }
}

function layOut(cells: readonly (readonly string[])[]): string {
  const widths = (cells[0] ?? []).map((_, column) =>
    Math.max(...cells.map((line) => line[column]?.length ?? 0)),
  );
  const lines = cells.map(
    (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`,
  );
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}
