import { z } from "zod";
import { CARRY_OVERS } from "../core/sign-off.ts";
import { Duration, PositiveDuration } from "./duration.ts";
import {
  BranchName,
  Flag,
  HttpUrl,
  InnerPath,
  Name,
  RoleName,
  SecretText,
  Text,
  wholeNumber,
} from "./values.ts";

/**
 * The shape of config.yaml, in its own words (snake_case). `load-config.ts` turns what it parses into `Config`, once. What
 * a provider understands (`repositories[]`, `environments[].target`, `chat.<platform>`) is checked by the provider's own
 * schema, so that adding one changes nothing here.
 */

const Server = z.strictObject({
  port: wholeNumber(0, 65_535).optional(),
  host: Text.optional(),
  base_url: HttpUrl.refine((text) => /^\/?$/.test(URL.parse(text)?.pathname ?? "/"), {
    error: "must not have a path",
    params: { fix: "Serve Slipway at the root of a host name of its own." },
  }).optional(),
  trust_proxy: z.union([z.literal(false), wholeNumber(0, 10), z.array(Text).max(50)]).optional(),
});

/** Dotted paths, tried in order; `{client}` stands for our client id. */
const ClaimPaths = z
  .union([Text, z.array(Text).min(1).max(20)])
  .transform((paths) => (typeof paths === "string" ? [paths] : paths));

const Keycloak = z.strictObject({
  issuer: HttpUrl,
  client_id: Text,
  client_secret: SecretText.optional(),
  redirect_url: HttpUrl.optional(),
  scopes: z.array(Text).min(1).optional(),
  claims: z
    .strictObject({
      groups: ClaimPaths.optional(),
      realm_roles: ClaimPaths.optional(),
      client_roles: ClaimPaths.optional(),
    })
    .optional(),
});

const Claim = z.string().refine((text) => /^(?:\*|(?:group|realm|client):.{1,300})$/.test(text), {
  error: "is not a claim",
  params: {
    fix: 'Write "group:/name", "realm:role", "client:role", or "*" for everybody who can sign in.',
  },
});

const RoleRule = z.union([
  Claim,
  z.strictObject({
    claim: Claim,
    environments: z.array(Name).min(1).optional(),
    teams: z.array(Name).min(1).optional(),
  }),
]);

const Auth = z.strictObject({
  embedded: Flag.optional(),
  keycloak: Keycloak.optional(),
  roles: z.record(RoleName, z.array(RoleRule)).optional(),
  session: z
    .strictObject({ idle: PositiveDuration.optional(), absolute: PositiveDuration.optional() })
    .optional(),
});

/** A channel, or one that hears only of some environments and teams. */
const Announcement = z.union([
  Text,
  z.strictObject({
    channel: Text,
    environments: z.array(Name).min(1).max(200).optional(),
    teams: z.array(Name).min(1).max(1000).optional(),
  }),
]);

export type Announcement = z.output<typeof Announcement>;

const Chat = z.looseObject({
  announce: z.array(Announcement).max(50).optional(),
  room: z.strictObject({ enabled: Flag.optional() }).optional(),
});

const Service = z.strictObject({
  name: Name,
  repository: Text,
  path: InnerPath.optional(),
  team: Name.optional(),
  owner: Text.optional(),
  channel: Text.optional(),
  depends_on: z.array(Name).max(1000).optional(),
});

/** Every other key of `sign_off` is a role with the number of people who must sign in it. */
const SignOff = z
  .object({
    one_role_per_person: Flag.optional(),
    carry_over: z.enum(CARRY_OVERS).optional(),
    creator_may_be_only: Flag.optional(),
    author_may_be_only: Flag.optional(),
  })
  .catchall(wholeNumber(0, 50));

const Environment = z.strictObject({
  name: Name,
  branch: BranchName.optional(),
  promote_from: Name.optional(),
  sign_off: z.union([z.literal("none"), SignOff]).optional(),
  land: z.enum(["after", "before", "off"]).optional(),
  target: z.looseObject({ kind: Text }),
  verify: z
    .strictObject({ timeout: PositiveDuration.optional(), settle: Duration.optional() })
    .optional(),
  timeouts: z
    .strictObject({ deploy: PositiveDuration.optional(), migrate: PositiveDuration.optional() })
    .optional(),
  on_failure: z.enum(["keep"]).optional(),
});

export const ConfigFile = z.strictObject({
  server: Server.optional(),
  data: Text.optional(),
  database: z.strictObject({ url: Text }).optional(),
  auth: Auth.optional(),
  chat: Chat.optional(),
  repositories: z
    .array(z.looseObject({ provider: Text }))
    .max(1000)
    .optional(),
  services: z.array(Service).max(20_000).optional(),
  environments: z.array(Environment).max(200).optional(),
  limits: z.strictObject({ requests_per_second: wholeNumber(1, 100_000).optional() }).optional(),
  migrations_paths: z.array(Text).max(100).optional(),
});
export type ConfigFile = z.output<typeof ConfigFile>;
