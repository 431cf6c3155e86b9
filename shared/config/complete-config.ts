import { join, resolve } from "node:path";
import { DEFAULT_MIGRATION_PATHS } from "../core/flags.ts";
import {
  DEFAULT_SIGN_OFF_POLICY,
  NO_SIGN_OFF_POLICY,
  type SignOffPolicy,
} from "../core/sign-off.ts";
import type { ProviderOptions } from "./check-providers.ts";
import type {
  AnnounceConfig,
  AuthConfig,
  Config,
  DatabaseConfig,
  EnvironmentConfig,
  RoleRule,
} from "./config.ts";
import type { Path, Problems } from "./problems.ts";
import type { Announcement, ConfigFile } from "./schema.ts";
import { Secret } from "./secret.ts";

/** Who has which role at the embedded identity provider, unless the file says otherwise. */
const EMBEDDED_ROLES: AuthConfig["roles"] = {
  dev: [{ claim: { kind: "group", value: "/dev-leads" } }],
  qa: [{ claim: { kind: "group", value: "/qa-leads" } }],
  operator: [{ claim: { kind: "realm", value: "operator" } }],
  admin: [{ claim: { kind: "realm", value: "admin" } }],
  viewer: [{ claim: { kind: "everyone" } }],
};

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
interface Surroundings {
  readonly file: string | null;
  /** Relative paths of the file start here. */
  readonly baseDir: string;
  /** Data folder named outside the file; absolute. */
  readonly dataDir: string | undefined;
  readonly port: number | undefined;
  readonly problems: Problems;
}

/** From the words of the file to the words of the program, with every default filled in. */
export function complete(
  parsed: ConfigFile,
  options: ProviderOptions,
  around: Surroundings,
): Config {
  const { baseDir } = around;
  const dataDir = around.dataDir ?? resolve(baseDir, parsed.data ?? "data");
  const port = around.port ?? parsed.server?.port ?? 8080;
  const config: Omit<Config, "secrets"> = {
    file: around.file,
    baseDir,
    dataDir,
    server: {
      port,
      host: parsed.server?.host ?? "127.0.0.1",
      baseUrl: parsed.server?.base_url?.replace(/\/$/, "") ?? `http://localhost:${port}`,
      trustProxy: toTrustProxy(parsed.server?.trust_proxy),
    },
    database: toDatabase(parsed, dataDir, around),
    auth: toAuth(parsed, around.problems),
    chat: {
      announce: (parsed.chat?.announce ?? ["room:releases"]).map(toAnnouncement),
      room: { enabled: parsed.chat?.room?.enabled ?? true },
      platforms: options.platforms,
    },
    repositories: (parsed.repositories ?? []).map(({ provider }, index) => ({
      id: `${provider}:${index}`,
      provider,
      options: options.repositories[index],
    })),
    services: (parsed.services ?? []).map((service) => ({
      name: service.name,
      repository: service.repository,
      path: service.path ?? "",
      team: service.team ?? null,
      owner: service.owner ?? null,
      channel: service.channel ?? null,
      dependsOn: service.depends_on ?? [],
    })),
    environments: (parsed.environments ?? []).map((environment, index) =>
      toEnvironment(environment, index, options.targets[index], around.problems),
    ),
    limits: { requestsPerSecond: parsed.limits?.requests_per_second ?? 50 },
    migrationsPaths: parsed.migrations_paths ?? DEFAULT_MIGRATION_PATHS,
  };
  return { ...config, secrets: collectSecrets(config) };
}

function toTrustProxy(
  written: NonNullable<ConfigFile["server"]>["trust_proxy"],
): Config["server"]["trustProxy"] {
  return Array.isArray(written) ? written.join(", ") : (written ?? false);
}

function toDatabase(parsed: ConfigFile, dataDir: string, around: Surroundings): DatabaseConfig {
  const url = parsed.database?.url;
  if (url === undefined) {
    return { dialect: "sqlite", storage: join(dataDir, "slipway.db") };
  }
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1];
  const at = ["database", "url"];
  if (/^postgres(?:ql)?:/.test(url)) {
    around.problems.add(
      at,
      "this version cannot use PostgreSQL yet",
      "Use sqlite:<path>, or leave database out for slipway.db in the data folder.",
    );
  } else if (path === undefined || path === ":memory:") {
    around.problems.add(
      at,
      path === undefined
        ? "is not the address of a database"
        : "a database in memory would forget every signature at the next start",
      "Write sqlite:<path>, such as sqlite:./data/slipway.db.",
    );
  }
  return { dialect: "sqlite", storage: resolve(around.baseDir, path ?? "slipway.db") };
}

function toAnnouncement(entry: Announcement): AnnounceConfig {
  const whole = typeof entry === "string" ? { channel: entry } : entry;
  const { channel: place, environments = null, teams = null } = whole;
  return {
    platform: place.slice(0, place.indexOf(":")),
    channel: place.slice(place.indexOf(":") + 1),
    environments,
    teams,
  };
}

function toAuth({ auth }: ConfigFile, problems: Problems): AuthConfig {
  const { keycloak, embedded, roles, session } = auth ?? {};
  if (keycloak && embedded === true) {
    problems.add(["auth", "embedded"], "there are two identity providers", "Keep one of them.");
  }
  if (!keycloak && embedded === false && !problems.covers(["auth", "keycloak"])) {
    problems.add(
      ["auth", "embedded"],
      "there is no identity provider left",
      "Configure auth.keycloak, or remove embedded: false.",
    );
  }
  if (keycloak && !roles && !problems.covers(["auth", "roles"])) {
    problems.add(
      ["auth", "roles"],
      "is missing, so nobody could sign off or deploy",
      'Say who has which role, such as dev: ["group:/dev-leads"].',
    );
  }
  if (keycloak && !isSafeIssuer(keycloak.issuer)) {
    problems.add(
      ["auth", "keycloak", "issuer"],
      "passwords and tokens would travel unencrypted",
      "Use https; plain http is accepted for localhost only.",
    );
  }
  return {
    provider: keycloak
      ? {
          kind: "keycloak",
          issuer: keycloak.issuer,
          clientId: keycloak.client_id,
          clientSecret: keycloak.client_secret ?? null,
          redirectUrl: keycloak.redirect_url ?? null,
          // Without offline_access roles could be checked only while the person's browser is signed in.
          scopes: keycloak.scopes ?? ["openid", "profile", "email", "offline_access"],
          claims: {
            groups: keycloak.claims?.groups ?? ["groups"],
            realmRoles: keycloak.claims?.realm_roles ?? ["realm_access.roles"],
            clientRoles: keycloak.claims?.client_roles ?? ["resource_access.{client}.roles"],
          },
        }
      : { kind: "embedded" },
    roles: roles ? toRoles(roles) : EMBEDDED_ROLES,
    session: {
      idleMs: session?.idle ?? 12 * HOUR,
      absoluteMs: session?.absolute ?? 7 * 24 * HOUR,
    },
  };
}

function toRoles(
  roles: NonNullable<NonNullable<ConfigFile["auth"]>["roles"]>,
): AuthConfig["roles"] {
  return Object.fromEntries(
    Object.entries(roles).map(([role, rules]) => [
      role,
      rules.map((rule): RoleRule => {
        if (typeof rule === "string") {
          return { claim: toClaim(rule) };
        }
        return {
          claim: toClaim(rule.claim),
          ...(rule.environments && { environments: rule.environments }),
          ...(rule.teams && { teams: rule.teams }),
        };
      }),
    ]),
  );
}

function toClaim(text: string): RoleRule["claim"] {
  const [, kind, value] = /^(group|realm|client):(.+)$/.exec(text) ?? [];
  if (value !== undefined && (kind === "group" || kind === "realm" || kind === "client")) {
    return { kind, value };
  }
  return { kind: "everyone" };
}

function toEnvironment(
  environment: NonNullable<ConfigFile["environments"]>[number],
  index: number,
  targetOptions: unknown,
  problems: Problems,
): EnvironmentConfig {
  const at = ["environments", index];
  const { land, branch = null } = environment;
  if (land === "before") {
    problems.add(
      [...at, "land"],
      "merging before the deploy needs a forge with pull requests, which this version does not have",
      "Write after: the branch is moved to exactly the signed commit once the deploy has succeeded.",
    );
  }
  if (land === "after" && branch === null && !problems.covers([...at, "branch"])) {
    problems.add([...at, "land"], "there is no branch to land on", "Add branch, or write off.");
  }
  return {
    name: environment.name,
    branch,
    promoteFrom: environment.promote_from ?? null,
    signOff: toPolicy(environment.sign_off, [...at, "sign_off"], problems),
    land: land === "off" || branch === null ? "off" : "after",
    target: { kind: environment.target.kind, options: targetOptions },
    timeouts: {
      deployMs: environment.timeouts?.deploy ?? 10 * MINUTE,
      migrateMs: environment.timeouts?.migrate ?? 15 * MINUTE,
      verifyMs: environment.verify?.timeout ?? 5 * MINUTE,
    },
    settleMs: environment.verify?.settle ?? 0,
    onFailure: environment.on_failure ?? "keep",
  };
}

function toPolicy(
  written: NonNullable<ConfigFile["environments"]>[number]["sign_off"],
  at: Path,
  problems: Problems,
): SignOffPolicy {
  if (written === undefined) {
    return DEFAULT_SIGN_OFF_POLICY;
  }
  if (written === "none") {
    return NO_SIGN_OFF_POLICY;
  }
  const { one_role_per_person, carry_over, creator_may_be_only, author_may_be_only, ...counts } =
    written;
  const roles = Object.fromEntries(
    Object.entries(counts).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
  for (const role of Object.keys(roles)) {
    if (!/^[a-z][a-z0-9_-]{0,31}$/.test(role) || role === "viewer") {
      problems.add([...at, role], "cannot be a role that signs", "Name a role such as dev or qa.");
    }
  }
  const needed = Object.values(roles).some((count) => count > 0);
  if (Object.keys(roles).length > 0 && !needed) {
    problems.add(at, "nobody would have to sign", "Write sign_off: none if that is meant.");
  }
  return {
    // Options alone leave who signs as it is by default.
    roles: Object.keys(roles).length > 0 ? withoutZero(roles) : DEFAULT_SIGN_OFF_POLICY.roles,
    oneRolePerPerson: one_role_per_person ?? DEFAULT_SIGN_OFF_POLICY.oneRolePerPerson,
    carryOver: carry_over ?? DEFAULT_SIGN_OFF_POLICY.carryOver,
    creatorMayBeOnly: creator_may_be_only ?? DEFAULT_SIGN_OFF_POLICY.creatorMayBeOnly,
    authorMayBeOnly: author_may_be_only ?? DEFAULT_SIGN_OFF_POLICY.authorMayBeOnly,
  };
}

function withoutZero(roles: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(roles).filter(([, count]) => count > 0));
}

function isSafeIssuer(issuer: string): boolean {
  const { protocol, hostname } = new URL(issuer);
  return protocol === "https:" || /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

function collectSecrets(value: unknown): readonly Secret[] {
  if (value instanceof Secret) {
    return [value];
  }
  return typeof value === "object" && value !== null
    ? Object.values(value).flatMap(collectSecrets)
    : [];
}
