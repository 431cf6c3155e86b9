import type { Actor } from "../core/actor.ts";

/** A person with these roles everywhere, acting from the web. */
export function buildActor(username: string, roles: readonly string[] = ["viewer"]): Actor {
  return {
    kind: "person",
    subject: `sub-${username}`,
    username,
    name: `${username.charAt(0).toUpperCase()}${username.slice(1)}`,
    email: `${username}@example.com`,
    grants: roles.map((role) => ({ role })),
    via: { platform: "web" },
  };
}
