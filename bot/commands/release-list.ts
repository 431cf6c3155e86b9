import { RELEASE_STATUSES, type ReleaseQuery } from "../../shared/contract/release.ts";
import { releaseListCard } from "../cards/release-list-card.ts";
import { defineCommand } from "../chat/define-command.ts";

/** How many releases one answer lists. */
const SHOWN = 15;

const STATUSES = ["open", "closed", ...RELEASE_STATUSES] as const;
type Status = (typeof STATUSES)[number];

export const releaseList = defineCommand({
  id: "release.list",
  phrase: "releases",
  aliases: ["list"],
  summary: "List releases, newest first: the open ones, or those with a status",
  usage: `releases [all|${STATUSES.join("|")}] [--branch name]`,
  group: "releases",
  permission: "release.read",
  changes: false,
  examples: ["releases", "releases all", "releases approved", "releases --branch master"],
  options: { branch: { kind: "value" } },
  read(input) {
    const word = input.optionalWord()?.toLowerCase().replace("-", "_") ?? "open";
    const status = STATUSES.find((each) => each === word);
    if (status === undefined && word !== "all") {
      input.fail(`"${word}" is not a status. Use all, ${STATUSES.join(", ")}.`);
    }
    return { status, branch: input.option("branch") };
  },
  async run({ actor, services }, { status, branch }) {
    const query: ReleaseQuery = {
      limit: SHOWN,
      offset: 0,
      ...(status ? { status } : {}),
      ...branchFilter(branch),
    };
    const { items, total } = await services.releases.list(actor, query);
    const { baseUrl } = services.installation;
    return { card: releaseListCard(titleOf(status, branch), items, total, baseUrl) };
  },
});

/** `uat..master` is exactly that pair; one name is looked for everywhere. */
function branchFilter(
  branch: string | undefined,
): Pick<ReleaseQuery, "source" | "destination" | "text"> {
  if (branch === undefined) {
    return {};
  }
  const [source = "", destination = ""] = branch.split("..");
  return source !== "" && destination !== "" ? { source, destination } : { text: branch };
}

function titleOf(status: Status | undefined, branch: string | undefined): string {
  const which = status === undefined ? "All releases" : `Releases: ${status.replace("_", " ")}`;
  return branch === undefined ? which : `${which}, ${branch}`;
}
