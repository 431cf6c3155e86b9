import type { PeopleDirectory } from "../../dashboard/server/auth/claims-source.ts";
import { samplePeople } from "../../shared/sample/sample-people.ts";

/** The sample people as the embedded identity provider at `issuer` tells them, for a process that does not serve it. */
export function createSampleDirectory(issuer: string): PeopleDirectory {
  const claims = samplePeople.map(({ subject, username, name, email, groups, realmRoles }) => ({
    issuer,
    subject,
    username,
    name,
    email,
    groups,
    realmRoles,
    clientRoles: [],
  }));
  return {
    claimsOf: (subject) => claims.find((one) => one.subject === subject),
    everybody: () => claims,
  };
}
