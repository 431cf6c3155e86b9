import { editNotes } from "../cards/action-refs.ts";
import { notesCard } from "../cards/notes-card.ts";
import type { Answer, Command, CommandContext } from "../chat/command.ts";
import { readRelease } from "../chat/command-arguments.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

type Field = "notes" | "breaking";

export const releaseNotes: Command = defineField("notes", {
  id: "release.edit_notes",
  aliases: ["release-notes"],
  summary: "Show or write the release notes; a draft is made from the commits",
  examples: ["notes 12", 'notes 12 "Faster sign-in, new billing page"'],
});

export const releaseBreaking: Command = defineField("breaking", {
  id: "release.edit_breaking",
  aliases: ["breaking-changes"],
  summary: "Show or write what a release breaks",
  examples: ["breaking 12", 'breaking 12 "The old token format is gone"'],
});

export const releaseNotesAction = defineAction(editNotes, {
  permission: "release.edit",
  changes: true,
  run: (context, { release, field }, values) =>
    write(context, release, field, values["text"] ?? ""),
});

function defineField(
  field: Field,
  spec: Pick<Command, "id" | "aliases" | "summary" | "examples">,
): Command {
  return defineCommand({
    ...spec,
    phrase: field,
    usage: `${field} <number> ["text"]`,
    group: "releases",
    permission: "release.read",
    changes: true,
    options: { m: { kind: "text", aliases: ["message"] } },
    read(input) {
      const release = readRelease(input);
      const rest = input.text();
      return { release, text: input.option("m") ?? rest };
    },
    async run(context, { release, text }) {
      if (text !== undefined) {
        return write(context, release, field, text);
      }
      const view = await context.services.releases.view(context.actor, release);
      return { card: notesCard(view, field) };
    },
  });
}

async function write(
  { actor, services }: CommandContext,
  release: number,
  field: Field,
  text: string,
): Promise<Answer> {
  const change = field === "notes" ? { notes: text } : { breakingChanges: text };
  return { card: notesCard(await services.releases.edit(actor, release, change), field) };
}
