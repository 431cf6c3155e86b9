import type { CreateRelease } from "../../shared/contract/release.ts";
import { createRelease } from "../cards/action-refs.ts";
import { askCard } from "../cards/ask-card.ts";
import { releaseAnswer } from "../cards/release-card.ts";
import type { FormSpec } from "../chat/card.ts";
import type { Answer, CommandContext } from "../chat/command.ts";
import type { CommandInput } from "../chat/command-input.ts";
import { defineAction, defineCommand } from "../chat/define-command.ts";

export const releaseCreate = defineCommand({
  id: "release.create",
  phrase: "create-release",
  aliases: ["create release", "new release", "new-release"],
  summary: "Compare two branches in every repository and open a release of what differs",
  usage:
    'create-release <source> <destination> [repository…] [--exclude repository…] [--notes "…"]',
  group: "releases",
  permission: "release.create",
  changes: true,
  examples: [
    "create-release uat master",
    "create-release uat master auth-service api-gateway",
    'create-release uat master --exclude billing-service --notes "Spring clean"',
  ],
  options: {
    exclude: { kind: "list", aliases: ["without"] },
    notes: { kind: "text", aliases: ["m", "message"] },
  },
  read(input) {
    const branches = readBranches(input);
    const repositories = input.names();
    const exclude = input.optionList("exclude");
    const notes = input.option("notes");
    return {
      ...branches,
      ...(repositories.length > 0 ? { repositories: [...repositories] } : {}),
      ...(exclude ? { exclude: [...exclude] } : {}),
      ...(notes === undefined ? {} : { notes }),
    };
  },
  async run(context, { source, destination, ...rest }) {
    if (source !== undefined && destination !== undefined) {
      return create(context, { ...rest, source, destination });
    }
    return {
      card: askCard("Which branches does it compare?", "New release", newReleaseForm(rest.notes)),
      visibility: "only-you",
    };
  },
});

export const releaseCreateAction = defineAction(createRelease, {
  permission: "release.create",
  changes: true,
  run(context, _, { source = "", destination = "", repositories = "", notes = "" }) {
    const names = repositories.split(/[\s,]+/).filter((name) => name !== "");
    return create(context, {
      source: source.trim(),
      destination: destination.trim(),
      ...(names.length > 0 ? { repositories: names } : {}),
      ...(notes.trim() === "" ? {} : { notes }),
    });
  },
});

async function create(
  { actor, services, progress }: CommandContext,
  input: CreateRelease,
): Promise<Answer> {
  return releaseAnswer(await services.releases.create(actor, input, progress));
}

function newReleaseForm(notes = ""): FormSpec {
  return {
    title: "New release",
    fields: [
      {
        name: "source",
        label: "From branch",
        type: "text",
        required: true,
        maxLength: 250,
        placeholder: "uat",
      },
      {
        name: "destination",
        label: "To branch",
        type: "text",
        required: true,
        maxLength: 250,
        placeholder: "master",
      },
      {
        name: "repositories",
        label: "Only these repositories",
        type: "text",
        placeholder: "all of them",
      },
      { name: "notes", label: "Notes", type: "textarea", initial: notes },
    ],
    submit: createRelease.call({}),
  };
}

/** `uat master`, `uat to master`, or `uat..master` alone, as git users write it. Nothing when nothing is said. */
function readBranches(input: CommandInput): Partial<Pick<CreateRelease, "source" | "destination">> {
  const first = input.optionalWord();
  if (first === undefined) {
    return {};
  }
  input.takes("to", "into", "→", "->");
  const second = input.optionalWord();
  if (second !== undefined) {
    return { source: first, destination: second };
  }
  const [source = "", destination = "", ...more] = first.split("..");
  return source !== "" && destination !== "" && more.length === 0
    ? { source, destination }
    : input.fail("Say to which branch.");
}
