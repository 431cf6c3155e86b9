/** What every stub understands: `@slipway notes 12 "…"`. */
export interface NotesCommand {
  readonly release: number;
  readonly notes: string;
}

/** Undefined for a message that is only talk. */
export function readNotesCommand(text: string): NotesCommand | undefined {
  const match = /^@slipway notes #?(\d+) "(.*)"$/s.exec(text);
  return match ? { release: Number(match[1]), notes: match[2] ?? "" } : undefined;
}

export function answerText({ release, notes }: NotesCommand): string {
  return `Release #${release}: notes saved.\n${notes}`;
}
