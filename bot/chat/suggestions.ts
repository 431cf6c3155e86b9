import type { Actor, Services } from "../../shared/app/services.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import type { Command } from "./command.ts";
import { mayUse } from "./may-use.ts";
import type { ChatUser } from "./platform.ts";

/** Something that fits what somebody has begun to type. */
export interface Suggestion {
  /** As people read it. */
  readonly label: string;
  /** As it is said in a command. */
  readonly value: string;
}

/** What platforms with completion offer while people type. */
export interface Suggestions {
  /**
   * What fits, best first. `kind` is a word of a command's usage, such as `environment`. Nothing for a kind nobody knows and for
   * whoever may not see it: suggestions tell as little to strangers as answers do.
   */
  find(user: ChatUser, kind: string, typed: string): Promise<readonly Suggestion[]>;
}

/** Open releases and recent ones; nobody types the number of an old one by completion. */
const MOST_READ = 50;
const MOST_FOUND = 25;

export function createSuggestions(deps: {
  readonly services: Pick<
    Services,
    "people" | "releases" | "deployments" | "environments" | "catalog" | "installation" | "can"
  >;
  readonly commands: readonly Command[];
}): Suggestions {
  const { services, commands } = deps;

  return {
    async find(user, kind, typed) {
      const actor = await actorOf(user);
      if (!actor) {
        return [];
      }
      const wanted = typed.trim().replace(/^#/, "").toLowerCase();
      const found = await known(actor, kind, wanted);
      return found
        .filter(({ label, value }) => fits(wanted, label, value))
        .sort((a, b) => rank(wanted, a.value) - rank(wanted, b.value))
        .slice(0, MOST_FOUND);
    },
  };

  /** Nobody when they are not linked, have lost access, or cannot be asked about. */
  async function actorOf(user: ChatUser): Promise<Actor | undefined> {
    if ((user.kind ?? "person") !== "person") {
      return undefined;
    }
    try {
      const subject = await services.people.subjectOf(user);
      return subject === null
        ? undefined
        : await services.people.actorOf(subject, { platform: user.platform });
    } catch (error) {
      if (error instanceof AppError) {
        return undefined;
      }
      throw error;
    }
  }

  async function known(actor: Actor, kind: string, wanted: string): Promise<readonly Suggestion[]> {
    switch (kind) {
      case "number": {
        const { items } = await services.releases.list(actor, { limit: MOST_READ, offset: 0 });
        return items.map(({ number, status, ...release }) => {
          const from = release.sourceBranch ?? release.fromEnvironment ?? "";
          const to = release.destinationBranch ?? release.targetEnvironment ?? "";
          const label = `#${number} ${from} → ${to} (${status.replaceAll("_", " ")})`;
          return { label, value: String(number) };
        });
      }
      case "deployment": {
        const { items } = await services.deployments.list(actor, { limit: MOST_READ, offset: 0 });
        return items.map(({ number, environment, status }) => ({
          label: `#${number} to ${environment} (${status.replaceAll("_", " ")})`,
          value: String(number),
        }));
      }
      case "environment":
        return services.can(actor, "environment.read")
          ? plain(services.installation.environments.map(({ name }) => name))
          : [];
      case "service":
      case "repository": {
        const page = { limit: MOST_READ, offset: 0 };
        const text = wanted === "" ? {} : { text: wanted };
        const { items } = await services.catalog.listServices(actor, { ...page, ...text });
        return plain(items.map(({ name }) => name));
      }
      case "role":
        return plain(services.installation.signOffRoles);
      case "command":
        return plain(
          commands
            .filter((command) => mayUse(actor, command, services))
            .map(({ phrase }) => phrase),
        );
      default:
        return [];
    }
  }
}

function plain(names: readonly string[]): readonly Suggestion[] {
  return names.map((name) => ({ label: name, value: name }));
}

function fits(wanted: string, label: string, value: string): boolean {
  return value.toLowerCase().includes(wanted) || label.toLowerCase().includes(wanted);
}

/** What begins like it comes first; sorting keeps the order of equals. */
function rank(wanted: string, value: string): number {
  const lower = value.toLowerCase();
  if (lower === wanted) {
    return 0;
  }
  return lower.startsWith(wanted) ? 1 : 2;
}
