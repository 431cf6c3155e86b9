import type { CreateRelease } from "../../shared/contract/release.ts";
import type { CommandInput } from "../chat/command-input.ts";
import { defineCommand } from "../chat/define-command.ts";
import { releaseAnswer } from "../cards/release-card.ts";

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
    const { source, destination } = readBranches(input);
    const repositories = input.names();
    const exclude = input.optionList("exclude");
    const notes = input.option("notes");
    return {
      source,
      destination,
      ...(repositories.length > 0 ? { repositories: [...repositories] } : {}),
      ...(exclude ? { exclude: [...exclude] } : {}),
      ...(notes === undefined ? {} : { notes }),
    };
  },
  async run({ actor, services, progress }, input) {
    return releaseAnswer(await services.releases.create(actor, input, progress));
  },
});

/** `uat master`, `uat to master`, or `uat..master` alone, as git users write it. */
function readBranches(input: CommandInput): Pick<CreateRelease, "source" | "destination"> {
  const first = input.word("from which branch");
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
