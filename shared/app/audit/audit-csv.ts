import type { AuditEntry } from "../../contract/audit.ts";

const COLUMNS: readonly (readonly [string, (entry: AuditEntry) => string])[] = [
  ["seq", (entry) => String(entry.seq)],
  ["at", (entry) => entry.at],
  ["event", (entry) => entry.event],
  ["text", (entry) => entry.text],
  ["person", (entry) => entry.actor.name],
  ["person_id", (entry) => entry.actor.subject],
  ["via", (entry) => entry.actor.via],
  ["subject_kind", (entry) => entry.subject.kind],
  ["subject_id", (entry) => entry.subject.id],
  ["ip", (entry) => entry.ip ?? ""],
  ["user_agent", (entry) => entry.userAgent ?? ""],
  ["correlation_id", (entry) => entry.correlationId],
  ["payload", (entry) => JSON.stringify(entry.payload)],
  ["hash", (entry) => entry.hash],
];

/** The first line of the export. */
export function csvHeader(): string {
  return line(COLUMNS.map(([name]) => name));
}

/** One entry as a line of RFC 4180 text. */
export function csvLine(entry: AuditEntry): string {
  return line(COLUMNS.map(([, read]) => field(read(entry))));
}

function line(fields: readonly string[]): string {
  return `${fields.join(",")}\r\n`;
}

/**
 * Quoted where the format asks for it. A spreadsheet runs what begins like a formula, so that gets an apostrophe in front,
 * which spreadsheets take as "this is text".
 */
function field(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
