import type { ConnectionView } from "../../../../../shared/contract/connection.ts";

const NAMES: Readonly<Record<string, string>> = {
  database: "Database",
  "other-processes": "Other processes",
  "identity-provider": "Identity provider",
};

const CHATS: Readonly<Record<string, string>> = {
  room: "Room",
  mattermost: "Mattermost",
  slack: "Slack",
  discord: "Discord",
};

const FORGES: Readonly<Record<string, string>> = {
  github: "GitHub",
  gitlab: "GitLab",
  gitea: "Gitea",
  git: "Git",
};

/** What a connection is called on pages: `chat:slack` is Slack. One that is not known keeps its name. */
export function connectionTitle(name: string): string {
  const [kind = "", which = "", number] = name.split(":");
  if (kind === "chat") {
    return chatTitle(which);
  }
  if (kind === "scm") {
    // Providers are counted from zero; people count from one, and not at all where there is one.
    const counted = number === undefined || number === "0" ? "" : ` ${String(Number(number) + 1)}`;
    return `${FORGES[which] ?? which}${counted}`;
  }
  return NAMES[name] ?? name;
}

/** What a chat is called on pages. */
export function chatTitle(platform: string): string {
  return CHATS[platform] ?? platform;
}

/** A state by word, tone and icon, never by colour alone. */
export interface StateWords {
  readonly word: string;
  readonly tone: "success" | "info" | "danger";
  readonly icon: "check" | "dots" | "cross";
}

const STATES: Readonly<Record<ConnectionView["state"], StateWords>> = {
  up: { word: "Connected", tone: "success", icon: "check" },
  starting: { word: "Connecting", tone: "info", icon: "dots" },
  down: { word: "Not connected", tone: "danger", icon: "cross" },
};

/** How a state is told. */
export function stateWords(state: ConnectionView["state"]): StateWords {
  return STATES[state];
}

/** What changed between two looks, as sentences for those who do not see the page. */
export function changesBetween(
  before: readonly ConnectionView[],
  after: readonly ConnectionView[],
): readonly string[] {
  const known = new Map(before.map(({ name, state }) => [name, state]));
  return after
    .filter(({ name, state }) => known.has(name) && known.get(name) !== state)
    .map(({ name, state }) => `${connectionTitle(name)}: ${stateWords(state).word.toLowerCase()}.`);
}
