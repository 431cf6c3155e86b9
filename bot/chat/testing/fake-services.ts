import { can } from "../../../shared/app/policies.ts";
import type { Services } from "../../../shared/app/services.ts";
import { SignInRequired } from "../../../shared/errors/catalog.ts";
import { createFakeChatStore } from "./fake-chat-store.ts";
import { samplePeople } from "./sample-people.ts";

/** For each part of Services, only what a test needs of it. */
export type FakeParts = {
  readonly [K in keyof Services]?: Services[K] extends (...args: never[]) => unknown
    ? Services[K]
    : Partial<Services[K]>;
};

/**
 * Services of which a test gives the parts it needs. What it did not give throws with its name when it is called, so that a
 * test never passes on an answer nobody decided on. The chat store, the people and the permissions work by default.
 */
export function createFakeServices(parts: FakeParts = {}): Services {
  return {
    releases: only("releases", parts.releases),
    deployments: only("deployments", parts.deployments),
    environments: only("environments", parts.environments),
    catalog: only("catalog", parts.catalog),
    audit: only("audit", parts.audit),
    backgroundWork: only("backgroundWork", parts.backgroundWork),
    people: only("people", {
      async actorOf(subject, via) {
        const person = samplePeople.find((each) => each.subject === subject);
        if (!person) {
          throw new SignInRequired({});
        }
        return { ...person, via };
      },
      subjectOf: async () => null,
      roles: (actor) => actor.grants.map((grant) => grant.role),
      ...parts.people,
    }),
    accounts: only("accounts", {
      requestLink: async ({ userId }) => ({
        url: `https://slipway.example.com/link/of-${userId}`,
        expiresAt: new Date(0),
      }),
      find: async () => null,
      ...parts.accounts,
    }),
    notifications: only("notifications", {
      settings: async () => ({
        digest: "weekdays",
        digestAt: "09:00",
        timeZone: "UTC",
        direct: true,
        platform: null,
        mutedUntil: null,
      }),
      accountsOf: async () => [],
      digestsDue: async () => [],
      ...parts.notifications,
    }),
    sessions: only("sessions", parts.sessions),
    live: only("live", parts.live),
    room: only("room", parts.room),
    chatStore: only("chatStore", parts.chatStore ?? createFakeChatStore()),
    installation: only("installation", {
      baseUrl: "https://slipway.example.com",
      environments: [
        { name: "preprod", branch: "uat" },
        { name: "prod", branch: "master" },
      ],
      signOffRoles: ["dev", "qa"],
      chats: ["fake"],
      repositories: async () => ["auth-service", "api-gateway"],
      announce: ["fake:releases"],
      announcements: (parts.installation?.announce ?? ["fake:releases"]).map((place) => {
        return { place, environments: null, teams: null };
      }),
      sample: true,
      ...parts.installation,
    }),
    can: parts.can ?? ((actor, permission, scope) => can(actor, permission, scope).ok),
  };
}

function only<T extends object>(part: string, given: Partial<T> = {}): T {
  const fake = new Proxy<object>(given, {
    get(target, name) {
      if (name in target || typeof name === "symbol") {
        return Reflect.get(target, name) as unknown;
      }
      return () => {
        throw new Error(`this test gave no ${part}.${name}`);
      };
    },
  });
  // The proxy answers every name of T, with the given part or with a throw.
  return fake as T;
}
