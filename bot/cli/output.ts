import type { Writable } from "node:stream";
import { styleText } from "node:util";
import type { Environment } from "../../shared/config/environment.ts";

type Tone = "strong" | "faint" | "good" | "warning" | "bad";

const FORMATS = {
  strong: "bold",
  faint: "dim",
  good: "green",
  warning: "yellow",
  bad: "red",
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>;

/** Progress is written this often at most: a terminal on the other side of the world must not slow the work down. */
const PROGRESS_EVERY_MS = 100;

/** Where a command speaks. What it was asked for goes to standard output, everything beside it to standard error. */
export interface Output {
  line(text?: string): void;
  /** One JSON document, for scripts. */
  json(value: unknown): void;
  /** Rows under headings, in columns. */
  table(headings: readonly string[], rows: readonly (readonly string[])[]): void;
  /** Words beside the answer. */
  note(text: string): void;
  /** How far it is: one line that replaces itself on a terminal, nothing elsewhere. */
  progress(text: string): void;
  /** Marks a text, where colours are wanted and the reader is a terminal. Words never depend on it. */
  style(tone: Tone, text: string): string;
}

interface Stream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Colours only for a terminal, and never where NO_COLOR (https://no-color.org) or TERM=dumb asks for none. */
export function wantsColours(stream: { readonly isTTY?: boolean }, environment: Environment) {
  return stream.isTTY === true && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
}

export function createOutput(options: {
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly environment: Environment;
  readonly now?: () => number;
}): Output {
  const { stdout, stderr, environment, now = () => performance.now() } = options;
  const coloured = wantsColours(stdout, environment);
  const showsProgress = stderr.isTTY === true && environment["TERM"] !== "dumb";
  let shown = "";
  let shownAt = Number.NEGATIVE_INFINITY;

  return { line, json, table, note, progress, style };

  function line(text = ""): void {
    clearProgress();
    stdout.write(`${text}\n`);
  }

  function json(value: unknown): void {
    line(JSON.stringify(value, null, 2));
  }

  function table(headings: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = headings.map((heading, column) =>
      Math.max(heading.length, ...rows.map((row) => (row[column] ?? "").length)),
    );
    const draw = (row: readonly string[]) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd();
    line(style("strong", draw(headings)));
    rows.forEach((row) => line(draw(row)));
  }

  function note(text: string): void {
    clearProgress();
    stderr.write(`${text}\n`);
  }

  function progress(text: string): void {
    if (!showsProgress || now() - shownAt < PROGRESS_EVERY_MS) {
      return;
    }
    const cut = text.slice(0, Math.max(20, (stderr.columns ?? 80) - 1));
    stderr.write(`\r${cut.padEnd(shown.length)}`);
    shown = cut;
    shownAt = now();
  }

  function clearProgress(): void {
    if (shown !== "") {
      stderr.write(`\r${" ".repeat(shown.length)}\r`);
      shown = "";
    }
  }

  function style(tone: Tone, text: string): string {
    return coloured ? styleText(FORMATS[tone], text) : text;
  }
}
