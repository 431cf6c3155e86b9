/** What every stub understands: a question that changes nothing, and a change of one release. */
export type StubCommand =
  | { readonly kind: "whoami" }
  | { readonly kind: "notes"; readonly release: number; readonly notes: string };

/** Undefined for a message that is only talk. */
export function readStubCommand(text: string): StubCommand | undefined {
  const command = /^@slipway (.*)$/s.exec(text)?.[1];
  if (command === "whoami") {
    return { kind: "whoami" };
  }
  const notes = /^notes #?(\d+) "(.*)"$/s.exec(command ?? "");
  return notes ? { kind: "notes", release: Number(notes[1]), notes: notes[2] ?? "" } : undefined;
}

export function stubAnswer(command: StubCommand): string {
  return command.kind === "whoami"
    ? "You are Dana\nUsername: dana\nRoles: dev\nYou may: see everything, create, edit, sign as dev."
    : `Release #${command.release}: notes saved.\n${command.notes}`;
}
