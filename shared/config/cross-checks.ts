import { nearest } from "../lib/nearest.ts";
import type { Config } from "./config.ts";
import type { Problems } from "./problems.ts";

/** Mistakes that only show when two places are read together. */
export function crossCheck(config: Config, problems: Problems): void {
  checkServices(config, problems);
  checkEnvironments(config, problems);
  checkAnnouncements(config, problems);
  // Who is the identity provider and who has which role cannot be judged from what is left of a wrong section.
  if (!problems.covers(["auth", "roles"])) {
    checkRoles(config, problems);
  }
  if (!problems.covers(["auth", "keycloak"]) && !problems.covers(["auth", "embedded"])) {
    checkEmbeddedIdentity(config, problems);
  }
}

function checkServices({ services }: Config, problems: Problems): void {
  const names = services.map((service) => service.name);
  reportDuplicates(names, "services", "service", problems);
  const known = new Set(names);
  services.forEach((service, index) => {
    service.dependsOn.forEach((other, position) => {
      const at = ["services", index, "depends_on", position];
      if (other === service.name) {
        problems.add(at, `"${other}" cannot depend on itself`, "Remove it.");
      } else if (!known.has(other)) {
        problems.add(at, `there is no service called "${other}"`, didYouMean(other, names));
      }
    });
  });
}

function checkEnvironments({ environments }: Config, problems: Problems): void {
  const names = environments.map((environment) => environment.name);
  reportDuplicates(names, "environments", "environment", problems);
  const byBranch = new Map<string, string>();
  environments.forEach((environment, index) => {
    const { name, branch, promoteFrom } = environment;
    const other = branch === null ? undefined : byBranch.get(branch);
    if (branch !== null && other !== undefined) {
      problems.add(
        ["environments", index, "branch"],
        `${other} already has the branch "${branch}", so a release into it would have two targets`,
        "Give the branch to one environment and bring releases to the other with promote_from.",
      );
    } else if (branch !== null) {
      byBranch.set(branch, name);
    }
    if (promoteFrom === name) {
      problems.add(
        ["environments", index, "promote_from"],
        `${name} cannot be promoted from itself`,
        "Name the environment that comes before it.",
      );
    } else if (promoteFrom !== null && !names.includes(promoteFrom)) {
      problems.add(
        ["environments", index, "promote_from"],
        `there is no environment called "${promoteFrom}"`,
        didYouMean(promoteFrom, names),
      );
    } else if (promoteFrom !== null && isInCircle(name, environments)) {
      problems.add(
        ["environments", index, "promote_from"],
        `${name} is promoted, over others, from itself`,
        "Break the circle: one environment must come first.",
      );
    }
  });
}

/** Teams are made in the dashboard too, so only environments can be judged. */
function checkAnnouncements({ chat, environments }: Config, problems: Problems): void {
  const known = environments.map((environment) => environment.name);
  chat.announce.forEach((announcement, index) => {
    announcement.environments?.forEach((name, position) => {
      if (!known.includes(name)) {
        problems.add(
          ["chat", "announce", index, "environments", position],
          `there is no environment called "${name}"`,
          didYouMean(name, known),
        );
      }
    });
  });
}

function checkRoles({ auth, environments }: Config, problems: Problems): void {
  const roles = Object.keys(auth.roles);
  environments.forEach((environment, index) => {
    for (const role of Object.keys(environment.signOff.roles)) {
      if (!roles.includes(role)) {
        problems.add(
          ["environments", index, "sign_off", role],
          `nobody can ever hold the role "${role}": auth.roles does not say who does`,
          nearest(role, roles)[0] === undefined
            ? `Add ${role} to auth.roles.`
            : didYouMean(role, roles),
        );
      }
    }
  });
  const known = environments.map((environment) => environment.name);
  for (const [role, rules] of Object.entries(auth.roles)) {
    rules.forEach((rule, index) => {
      rule.environments?.forEach((name, position) => {
        if (!known.includes(name)) {
          problems.add(
            ["auth", "roles", role, index, "environments", position],
            `there is no environment called "${name}"`,
            didYouMean(name, known),
          );
        }
      });
    });
  }
}

/** Anybody may sign in as anybody at the embedded identity provider, so nobody else may reach it. */
function checkEmbeddedIdentity({ auth, server }: Config, problems: Problems): void {
  if (auth.provider.kind !== "embedded") {
    return;
  }
  const fix = "Configure auth.keycloak, or keep to 127.0.0.1 and localhost.";
  if (!isLoopback(server.host)) {
    problems.add(
      ["server", "host"],
      `the embedded identity provider has no passwords and must not be reachable from outside, but host is ${server.host}`,
      fix,
    );
  }
  const { hostname } = new URL(server.baseUrl);
  if (!isLoopback(hostname)) {
    problems.add(
      ["server", "base_url"],
      `the embedded identity provider has no passwords and must not be reachable from outside, but base_url names ${hostname}`,
      fix,
    );
  }
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

function isInCircle(start: string, environments: Config["environments"]): boolean {
  const from = new Map(environments.map(({ name, promoteFrom }) => [name, promoteFrom]));
  const visited = new Set<string>();
  let at = from.get(start) ?? null;
  while (at !== null && !visited.has(at)) {
    if (at === start) {
      return true;
    }
    visited.add(at);
    at = from.get(at) ?? null;
  }
  return false;
}

/** Names that differ only in case count as the same: people say them aloud. */
function reportDuplicates(
  names: readonly string[],
  section: string,
  what: string,
  problems: Problems,
): void {
  const seen = new Set<string>();
  names.forEach((name, index) => {
    const spoken = name.toLowerCase();
    if (seen.has(spoken)) {
      problems.add(
        [section, index, "name"],
        `there is already a ${what} called "${name}"`,
        "Give one of them another name.",
      );
    }
    seen.add(spoken);
  });
}

function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known)[0];
  if (near !== undefined) {
    return `Did you mean ${near}?`;
  }
  return known.length === 0 ? "Add it first." : `Write one of ${known.slice(0, 20).join(", ")}.`;
}
