import { type Actor, type Grant } from "../../../core/actor.ts";
import { DEFAULT_SIGN_OFF_POLICY } from "../../../core/sign-off.ts";
import { EventRow } from "../../../db/rows/event.ts";
import { PersonRow } from "../../../db/rows/person.ts";
import { createFakeScm, type FakeScm } from "../../../testing/fake-scm.ts";
import { createTestDatabase, type TestDatabase } from "../../../testing/test-database.ts";
import { isGranted } from "../../policies.ts";
import type { EnvironmentFacts } from "../environment-facts.ts";
import type { ReleaseDeps } from "../release-deps.ts";
import { createReleaseServices, type ReleaseModule } from "../release-services.ts";

const NO_FACTS: EnvironmentFacts = {
  hasTarget: true,
  lock: null,
  hold: null,
  activeDeployment: null,
};

const GRANTS: Readonly<Record<string, readonly Grant[]>> = {
  dana: [{ role: "dev" }, { role: "viewer" }],
  quinn: [{ role: "qa" }, { role: "viewer" }],
  robin: [{ role: "dev" }, { role: "qa" }, { role: "viewer" }],
  olivia: [{ role: "operator" }, { role: "viewer" }],
  adam: [{ role: "admin" }, { role: "viewer" }],
  vic: [{ role: "viewer" }],
};

/** Releases on a real database with source control in memory, and the sample people. */
export interface ReleaseBench extends ReleaseModule {
  readonly database: TestDatabase;
  readonly scm: FakeScm;
  readonly deps: ReleaseDeps;
  /** What stands in the way in every environment; change it freely. */
  facts: EnvironmentFacts;
  /** Names of all facts so far, oldest first. */
  events(): Promise<readonly string[]>;
  /** Payloads of all facts of one name, oldest first. */
  payloads(name: string): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

/** A sample person as they act, from the room unless said otherwise. */
export function person(name: string, via: Partial<Actor["via"]> = {}): Actor {
  return {
    kind: "person",
    subject: `sub-${name}`,
    username: name,
    name: name.replace(/^./, (first) => first.toUpperCase()),
    email: `${name}@example.com`,
    grants: GRANTS[name] ?? [],
    via: { platform: "room", ...via },
  };
}

export async function createReleaseBench(
  overrides: Partial<ReleaseDeps> & {
    readonly scmOptions?: Parameters<typeof createFakeScm>[0];
  } = {},
): Promise<ReleaseBench> {
  const database = await createTestDatabase();
  const { scmOptions, ...given } = overrides;
  const scm = createFakeScm(scmOptions);
  await PersonRow.bulkCreate(
    Object.keys(GRANTS).map((name) => ({
      subject: `sub-${name}`,
      username: name,
      name: person(name).name,
      email: `${name}@example.com`,
      issuer: "https://id.example.com",
      claims: { groups: [], realmRoles: [], clientRoles: [] },
      claimsCheckedAt: database.clock.now(),
      active: true,
      createdAt: database.clock.now(),
    })),
  );
  const bench = { facts: NO_FACTS };
  let ticks = 0;
  const deps: ReleaseDeps = {
    uow: database.uow,
    // A moment later each time, so that what happens first is first.
    clock: { now: () => new Date(database.clock.now().getTime() + (ticks += 1)) },
    logger: database.logger,
    scms: [scm],
    environments: [
      { name: "preprod", branch: "uat", signOff: DEFAULT_SIGN_OFF_POLICY, land: "after" },
      { name: "prod", branch: "master", signOff: DEFAULT_SIGN_OFF_POLICY, land: "after" },
    ],
    migrationPaths: ["**/migrations/**"],
    baseUrl: () => "http://localhost:8080",
    environmentFacts: async () => bench.facts,
    eligiblePeople: async (roles, { environment }) =>
      Object.fromEntries(
        roles.map((role) => [
          role,
          Object.entries(GRANTS)
            .filter(([, grants]) => isGranted(grants, role, { environment }))
            .map(([name]) => ({
              subject: `sub-${name}`,
              username: name,
              name: person(name).name,
            })),
        ]),
      ),
    stopping: new AbortController().signal,
    ...given,
  };
  const module = createReleaseServices(deps);

  return {
    ...module,
    database,
    scm,
    deps,
    get facts() {
      return bench.facts;
    },
    set facts(value) {
      bench.facts = value;
    },
    async events() {
      const rows = await EventRow.findAll({ attributes: ["name"], order: [["seq", "ASC"]] });
      return rows.map(({ name }) => name);
    },
    async payloads(name) {
      const rows = await EventRow.findAll({ where: { name }, order: [["seq", "ASC"]] });
      return rows.map(({ payload }) => payload);
    },
    close: () => database.close(),
  };
}

/** A repository with a first commit on both branches and some more on `uat`, by dana unless said otherwise. */
export function addRepository(
  scm: FakeScm,
  name: string,
  titles: readonly string[],
  author = { name: "Dana", email: "dana@example.com" },
): ReturnType<FakeScm["repository"]> {
  const repository = scm.repository(name);
  const root = repository.commit("master", {
    title: "chore: begin",
    authors: [author],
    files: { "README.md": name },
  });
  repository.move("uat", root);
  titles.forEach((title, index) => {
    repository.commit("uat", {
      title,
      authors: [author],
      files: { [`src/${index}.ts`]: `${title}\n` },
    });
  });
  return repository;
}
