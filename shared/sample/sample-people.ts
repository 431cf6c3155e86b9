/** Somebody of the sample team, as the embedded identity provider vouches for them. */
export interface SamplePerson {
  /** What sign-offs and audit rows are bound to: never changes. */
  readonly subject: string;
  readonly username: string;
  readonly name: string;
  /** Those who write code commit to the sample repositories under it. */
  readonly email: string;
  readonly groups: readonly string[];
  readonly realmRoles: readonly string[];
  /** What they are on the team, for people choosing whom to be. */
  readonly title: string;
}

export const samplePeople: readonly SamplePerson[] = [
  {
    subject: "sample-dana",
    username: "dana",
    name: "Dana Okafor",
    email: "dana@example.com",
    groups: ["/dev-leads"],
    realmRoles: [],
    title: "dev lead",
  },
  {
    subject: "sample-quinn",
    username: "quinn",
    name: "Quinn Larsen",
    email: "quinn@example.com",
    groups: ["/qa-leads"],
    realmRoles: ["qa-lead"],
    title: "QA lead",
  },
  {
    subject: "sample-robin",
    username: "robin",
    name: "Robin Vega",
    email: "robin@example.com",
    groups: ["/dev-leads", "/qa-leads"],
    realmRoles: ["qa-lead"],
    title: "developer and tester",
  },
  {
    subject: "sample-olivia",
    username: "olivia",
    name: "Olivia Brandt",
    email: "olivia@example.com",
    groups: ["/operators"],
    realmRoles: ["operator"],
    title: "operator",
  },
  {
    subject: "sample-adam",
    username: "adam",
    name: "Adam Novak",
    email: "adam@example.com",
    groups: [],
    realmRoles: ["admin"],
    title: "administrator",
  },
  {
    subject: "sample-vic",
    username: "vic",
    name: "Vic Moreau",
    email: "vic@example.com",
    groups: [],
    realmRoles: [],
    title: "viewer",
  },
];

/** Who has which role in the sample team, written as under `auth.roles` in config.yaml. */
export const sampleRoles: Readonly<Record<string, readonly string[]>> = {
  dev: ["group:/dev-leads"],
  qa: ["realm:qa-lead"],
  operator: ["group:/operators"],
  admin: ["realm:admin"],
  viewer: ["*"],
};
