import { Document, isMap, isScalar, visit } from "yaml";
import type { SignOffPolicy } from "../core/sign-off.ts";
import { createRedactor } from "../lib/redact.ts";
import type { AuthConfig, Config, EnvironmentConfig, RoleRule } from "./config.ts";
import { Secret } from "./secret.ts";

const HIDDEN = "[secret]";

/** Names whose values are credentials, whoever invented them: keys of providers, variables handed to commands. */
const SECRET_NAME = /secret|token|passw|credential|private|(?:^|_)key$|api_?key/i;
/** Providers keep durations in milliseconds under these names. */
const DURATION_NAME = /(?:^|_)(?:timeout|grace|every|interval|settle|idle|ttl)$/;
const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/**
 * The configuration as it counts, every default filled in, in the words of the file. Secrets read `[secret]`, also where
 * a provider does not know that it holds one. Without secrets it is a configuration that means the same.
 */
export function printConfig(config: Config): string {
  const document = new Document(toFile(config));
  // The address of a database is a secret for its password alone, which is hidden where it is written.
  const address = config.database.dialect === "postgres" ? config.database.url.reveal() : undefined;
  const redact = createRedactor(
    config.secrets.map((secret) => secret.reveal()).filter((secret) => secret !== address),
  );
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value === "string") {
        node.value = redact(node.value);
      }
    },
    Pair(_, pair) {
      // Short maps read better on a line of their own: { claim: …, environments: [prod] }
      if (isMap(pair.value) && isScalar(pair.key) && pair.key.value === "sign_off") {
        pair.value.flow = true;
      }
    },
  });
  return document.toString({ lineWidth: 120, flowCollectionPadding: true });
}

function toFile(config: Config): unknown {
  const { server, chat } = config;
  return present({
    server: {
      port: server.port,
      host: server.host,
      base_url: server.baseUrl,
      trust_proxy:
        typeof server.trustProxy === "string" ? server.trustProxy.split(", ") : server.trustProxy,
      health_port: server.healthPort ?? undefined,
    },
    secret_key: config.secretKey === null ? undefined : HIDDEN,
    data: config.dataDir,
    database: databaseOf(config),
    auth: authOf(config.auth),
    chat: {
      announce: chat.announce.map(({ platform, channel }) => `${platform}:${channel}`),
      room: { enabled: chat.room.enabled },
      ...Object.fromEntries(chat.platforms.map(({ id, options }) => [id, plain(options)])),
    },
    repositories: config.repositories.map(({ provider, options }) => ({
      provider,
      ...asSection(options),
    })),
    services: config.services.map((service) => ({
      name: service.name,
      repository: service.repository,
      path: service.path === "" ? undefined : service.path,
      team: service.team ?? undefined,
      owner: service.owner ?? undefined,
      channel: service.channel ?? undefined,
      depends_on: service.dependsOn,
    })),
    environments: config.environments.map(environmentOf),
    limits: { requests_per_second: config.limits.requestsPerSecond },
    migrations_paths: config.migrationsPaths,
  });
}

function databaseOf({ database }: Config): unknown {
  if (database.dialect === "sqlite") {
    return { url: `sqlite:${database.storage}` };
  }
  return {
    // Its password is hidden with every other that stands in an address.
    url: database.url.reveal(),
    pool: database.poolSize,
    connect_timeout: duration(database.connectTimeoutMs),
    statement_timeout: duration(database.statementTimeoutMs),
    idle_in_transaction_timeout: duration(database.idleInTransactionTimeoutMs),
  };
}

function authOf({ provider, roles, session }: AuthConfig): unknown {
  return {
    ...(provider.kind === "embedded"
      ? { embedded: true }
      : {
          keycloak: {
            issuer: provider.issuer,
            client_id: provider.clientId,
            client_secret: provider.clientSecret === null ? undefined : HIDDEN,
            redirect_url: provider.redirectUrl ?? undefined,
            scopes: provider.scopes,
            claims: {
              groups: provider.claims.groups,
              realm_roles: provider.claims.realmRoles,
              client_roles: provider.claims.clientRoles,
            },
          },
        }),
    roles: Object.fromEntries(
      Object.entries(roles).map(([role, rules]) => [role, rules.map(ruleOf)]),
    ),
    session: { idle: duration(session.idleMs), absolute: duration(session.absoluteMs) },
  };
}

function ruleOf(rule: RoleRule): unknown {
  const { environments, teams } = rule;
  const claim = writeClaim(rule);
  return environments || teams ? { claim, environments, teams } : claim;
}

/** A claim as it is written in the file: `group:/name`, `realm:role`, `client:role` or `*`. */
export function writeClaim({ claim }: RoleRule): string {
  return claim.kind === "everyone" ? "*" : `${claim.kind}:${claim.value}`;
}

function environmentOf(environment: EnvironmentConfig): unknown {
  const { timeouts, target } = environment;
  return {
    name: environment.name,
    branch: environment.branch ?? undefined,
    promote_from: environment.promoteFrom ?? undefined,
    sign_off: policyOf(environment.signOff),
    land: environment.land,
    target: { kind: target.kind, ...asSection(target.options) },
    verify: { timeout: duration(timeouts.verifyMs), settle: duration(environment.settleMs) },
    timeouts: { deploy: duration(timeouts.deployMs), migrate: duration(timeouts.migrateMs) },
    on_failure: environment.onFailure,
  };
}

function policyOf(policy: SignOffPolicy): unknown {
  if (Object.keys(policy.roles).length === 0) {
    return "none";
  }
  return {
    ...policy.roles,
    one_role_per_person: policy.oneRolePerPerson,
    carry_over: policy.carryOver,
    creator_may_be_only: policy.creatorMayBeOnly,
    author_may_be_only: policy.authorMayBeOnly,
  };
}

function asSection(options: unknown): Readonly<Record<string, unknown>> {
  const section = plain(options);
  return typeof section === "object" && section !== null && !Array.isArray(section)
    ? { ...section }
    : {};
}

/** What a provider's schema made of its section, without its secrets. */
function plain(value: unknown, name = ""): unknown {
  if (value instanceof Secret) {
    return HIDDEN;
  }
  if (Array.isArray(value)) {
    return value.map((item) => plain(item, name));
  }
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, plain(inner, key)]),
    );
  }
  if (typeof value === "string" && value !== "" && SECRET_NAME.test(name)) {
    return HIDDEN;
  }
  return typeof value === "number" && DURATION_NAME.test(name) ? duration(value) : value;
}

/** Leaves out what is not set. */
function present(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(present);
  }
  if (typeof value !== "object" || value === null) {
    return value;
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([key, inner]) => [key, present(inner)]),
  );
}

/** `90s`, `5m`, `7d`: the largest unit that fits without a rest. */
function duration(ms: number): string {
  const [unit, size] = UNITS.find(([, each]) => ms >= each && ms % each === 0) ?? ["ms", 1];
  return ms === 0 ? "0s" : `${String(ms / size)}${unit}`;
}
