import type { Config, EnvironmentConfig, RoleRule } from "../../shared/config/config.ts";
import { joinWords, pluralise } from "../../shared/lib/text.ts";
import type { Output } from "./output.ts";

/** What a configuration amounts to, for somebody who did not write it. */
export interface ConfigSummary {
  readonly file: string | null;
  readonly address: string;
  readonly listens: string;
  readonly data: string;
  readonly database: string;
  readonly signIn: string;
  readonly chat: readonly string[];
  readonly announces: readonly string[];
  readonly repositories: readonly { readonly provider: string; readonly entries: number }[];
  readonly services: number;
  readonly environments: readonly {
    readonly name: string;
    readonly branch: string | null;
    readonly promoteFrom: string | null;
    readonly target: string;
    readonly signOff: Readonly<Record<string, number>>;
    readonly rules: readonly string[];
    readonly land: string;
  }[];
  /** Role → who has it, in words. */
  readonly roles: Readonly<Record<string, readonly string[]>>;
}

export function summarise(config: Config): ConfigSummary {
  const { server, auth, chat } = config;
  return {
    file: config.file,
    address: server.baseUrl,
    listens: `${server.host}:${server.port === 0 ? "any free port" : String(server.port)}`,
    data: config.dataDir,
    database: `${config.database.dialect} at ${config.database.dialect === "sqlite" ? config.database.storage : config.database.location}`,
    signIn:
      auth.provider.kind === "embedded"
        ? "the embedded identity provider, with sample people"
        : `${auth.provider.issuer}, as ${auth.provider.clientId}`,
    chat: [...(chat.room.enabled ? ["room"] : []), ...chat.platforms.map(({ id }) => id)],
    announces: chat.announce.map(({ platform, channel }) => `${platform}:${channel}`),
    repositories: [...countBy(config.repositories.map(({ provider }) => provider))].map(
      ([provider, entries]) => ({ provider, entries }),
    ),
    services: config.services.length,
    environments: config.environments.map((environment) => ({
      name: environment.name,
      branch: environment.branch,
      promoteFrom: environment.promoteFrom,
      target: environment.target.kind,
      signOff: environment.signOff.roles,
      rules: rulesOf(environment),
      land: environment.land,
    })),
    roles: Object.fromEntries(
      Object.entries(auth.roles).map(([role, rules]) => [role, rules.map(whoHasIt)]),
    ),
  };
}

const DOES: Readonly<Record<string, string>> = {
  viewer: "look",
  operator: "deploy, roll back, lock",
  admin: "administer",
  freeze_approver: "pass a freeze",
};

export function printSummary(summary: ConfigSummary, out: Output): void {
  const { environments } = summary;
  const facts: [string, string][] = [
    ["Address", `${summary.address} (listens on ${summary.listens})`],
    ["Data", summary.data],
    ["Database", summary.database],
    ["Sign-in", summary.signIn],
    ["Chat", `${listed(summary.chat)}; announces to ${listed(summary.announces)}`],
    [
      "Repositories",
      listed(
        summary.repositories.map(
          ({ provider, entries }) => `${provider} (${pluralise(entries, "entry", "entries")})`,
        ),
      ),
    ],
    [
      "Services",
      summary.services === 0
        ? "one for each repository"
        : `${String(summary.services)} declared; every other repository is one of its own`,
    ],
  ];
  for (const [name, value] of facts) {
    out.line(`${out.style("strong", name.padEnd(12))}  ${value}`);
  }
  out.line();
  if (environments.length === 0) {
    out.line("No environments: releases can be prepared and signed, and deployed nowhere.");
  } else {
    out.table(
      ["ENVIRONMENT", "BRANCH", "FROM", "TARGET", "TO SIGN", "LANDS"],
      environments.map((each) => [
        each.name,
        each.branch ?? "-",
        each.promoteFrom ?? "-",
        each.target,
        [signatures(each.signOff), ...each.rules].join("; "),
        each.land,
      ]),
    );
  }
  out.line();
  out.table(
    ["ROLE", "MAY", "WHO"],
    Object.entries(summary.roles).map(([role, who]) => [
      role,
      DOES[role] ?? `sign as ${role}${whereSigned(role, summary)}`,
      who.length === 0 ? "nobody" : who.join("; "),
    ]),
  );
}

function signatures(roles: Readonly<Record<string, number>>): string {
  const parts = Object.entries(roles).map(([role, count]) => `${String(count)} ${role}`);
  return parts.length === 0 ? "nobody" : parts.join(" + ");
}

function whereSigned(role: string, { environments }: ConfigSummary): string {
  const names = environments.filter(({ signOff }) => (signOff[role] ?? 0) > 0);
  return names.length === 0
    ? " (asked for nowhere)"
    : ` for ${joinWords(names.map(({ name }) => name))}`;
}

/** What differs from the usual policy. */
function rulesOf({ signOff }: EnvironmentConfig): readonly string[] {
  if (Object.keys(signOff.roles).length === 0) {
    return [];
  }
  return [
    ...(signOff.oneRolePerPerson ? [] : ["one person may sign twice"]),
    ...(signOff.carryOver === "never" ? ["again after every commit"] : []),
    ...(signOff.creatorMayBeOnly ? [] : ["not the creator alone"]),
    ...(signOff.authorMayBeOnly ? [] : ["not authors alone"]),
  ];
}

function whoHasIt({ claim, environments, teams }: RoleRule): string {
  const kinds = { group: "group", realm: "realm role", client: "client role" } as const;
  const who =
    claim.kind === "everyone" ? "everybody who can sign in" : `${kinds[claim.kind]} ${claim.value}`;
  const limits = [
    ...(environments ? [`in ${joinWords(environments)}`] : []),
    ...(teams ? [`for services of ${joinWords(teams)}`] : []),
  ];
  return limits.length === 0 ? who : `${who} (only ${limits.join(", ")})`;
}

function countBy(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) {
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? "none" : words.join(", ");
}
