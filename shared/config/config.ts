import type { SignOffPolicy } from "../core/sign-off.ts";
import type { Secret } from "./secret.ts";

/** The configuration as the program sees it: complete, checked, frozen. Durations are milliseconds, paths absolute. */
export interface Config {
  /** The file it was read from; null: there is none, and the embedded default with its sample workspace is used. */
  readonly file: string | null;
  /** Relative paths in provider options start here: the folder of the file, or the working directory. */
  readonly baseDir: string;
  readonly dataDir: string;
  readonly server: ServerConfig;
  readonly database: DatabaseConfig;
  readonly auth: AuthConfig;
  readonly chat: ChatConfig;
  readonly repositories: readonly RepositoryConfig[];
  readonly services: readonly ServiceConfig[];
  readonly environments: readonly EnvironmentConfig[];
  readonly limits: { readonly requestsPerSecond: number };
  /** Patterns of files that are database migrations, e.g. `db/migrate/**`. */
  readonly migrationsPaths: readonly string[];
  /** Every secret in it, for redaction. */
  readonly secrets: readonly Secret[];
}

export interface ServerConfig {
  /** 0: any free port; see `baseUrlAt`. */
  readonly port: number;
  readonly host: string;
  /** Where people reach us, without a slash at the end. */
  readonly baseUrl: string;
  /** As Express takes it: false, the number of proxies, or their addresses with commas between. */
  readonly trustProxy: false | number | string;
}

export interface DatabaseConfig {
  readonly dialect: "sqlite";
  readonly storage: string;
}

export interface AuthConfig {
  readonly provider: { readonly kind: "embedded" } | KeycloakConfig;
  /** Role → the claims that give it; any one of them is enough. */
  readonly roles: Readonly<Record<string, readonly RoleRule[]>>;
  readonly session: { readonly idleMs: number; readonly absoluteMs: number };
}

export interface KeycloakConfig {
  readonly kind: "keycloak";
  readonly issuer: string;
  readonly clientId: string;
  /** Null: a public client, protected by PKCE alone. */
  readonly clientSecret: Secret | null;
  /** Null: `<base url>/auth/callback`. */
  readonly redirectUrl: string | null;
  readonly scopes: readonly string[];
  /** Where memberships are found in a token: dotted paths, tried in order; `{client}` stands for our client id. */
  readonly claims: {
    readonly groups: readonly string[];
    readonly realmRoles: readonly string[];
    readonly clientRoles: readonly string[];
  };
}

export interface RoleRule {
  readonly claim:
    | { readonly kind: "everyone" }
    | { readonly kind: "group" | "realm" | "client"; readonly value: string };
  /** Absent: everywhere. */
  readonly environments?: readonly string[];
  /** Absent: for every team. */
  readonly teams?: readonly string[];
}

/** A channel that is told of releases and deployments. */
export interface AnnounceConfig {
  readonly platform: string;
  readonly channel: string;
  /** Only of these; null: of all. */
  readonly environments: readonly string[] | null;
  /** Only of what concerns services of these; null: of all. */
  readonly teams: readonly string[] | null;
}

export interface ChatConfig {
  readonly announce: readonly AnnounceConfig[];
  readonly room: { readonly enabled: boolean };
  /** Other platforms, with what their own schema parsed. */
  readonly platforms: readonly { readonly id: string; readonly options: unknown }[];
}

export interface RepositoryConfig {
  /** Unique: provider and position, e.g. `git:0`. */
  readonly id: string;
  readonly provider: string;
  /** What the provider's own schema parsed. */
  readonly options: unknown;
}

export interface ServiceConfig {
  readonly name: string;
  readonly repository: string;
  /** Folder inside the repository; empty: all of it. */
  readonly path: string;
  readonly team: string | null;
  readonly owner: string | null;
  readonly channel: string | null;
  readonly dependsOn: readonly string[];
}

export interface EnvironmentConfig {
  readonly name: string;
  readonly branch: string | null;
  readonly promoteFrom: string | null;
  readonly signOff: SignOffPolicy;
  readonly land: "after" | "off";
  readonly target: {
    readonly kind: string;
    /** What the target's own schema parsed. */
    readonly options: unknown;
  };
  readonly timeouts: {
    readonly deployMs: number;
    readonly migrateMs: number;
    readonly verifyMs: number;
  };
  /** How long a service must stay healthy before it counts as verified. */
  readonly settleMs: number;
  /** What happens to services that carry the new version when a wave fails. */
  readonly onFailure: "keep";
}

/** The address people use, once the port that `port: 0` left open is known. */
export function baseUrlAt(server: ServerConfig, listeningPort: number): string {
  return server.port === 0
    ? server.baseUrl.replace(/^(http:\/\/localhost):0$/, `$1:${listeningPort}`)
    : server.baseUrl;
}
