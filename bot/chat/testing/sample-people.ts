import type { Actor } from "../../../shared/app/services.ts";

function person(username: string, name: string, ...roles: readonly string[]): Actor {
  return {
    kind: "person",
    subject: `sub-${username}`,
    username,
    name,
    email: null,
    grants: roles.map((role) => ({ role })),
    via: { platform: "fake" },
  };
}

export const dana = person("dana", "Dana", "dev");
export const quinn = person("quinn", "Quinn", "qa");
export const robin = person("robin", "Robin", "dev", "qa");
export const olivia = person("olivia", "Olivia", "operator");
export const adam = person("adam", "Adam", "admin");
export const vic = person("vic", "Vic", "viewer");

/** The people of the sample identity provider. */
export const samplePeople: readonly Actor[] = [dana, quinn, robin, olivia, adam, vic];
