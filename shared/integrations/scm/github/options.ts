import { z } from "zod";
import { PositiveDuration } from "../../../config/duration.ts";
import { SecretText, Text, wholeNumber } from "../../../config/values.ts";
import { NamePattern } from "../name-filter.ts";

/** What GitHub itself allows in names of people, organisations and repositories. */
const Login = Text.refine((text) => /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})$/.test(text), {
  error: "is not the name of an account",
});
const FullName = Text.refine(
  (text) => /^[A-Za-z0-9][A-Za-z0-9_-]{0,98}\/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/.test(text),
  { error: "is not a repository", params: { fix: "Write owner/name, such as acme/billing." } },
);

const BaseUrl = Text.superRefine((text, context) => {
  const why = whyNotAnApi(URL.parse(text));
  if (why !== null) {
    context.addIssue({
      code: "custom",
      message: why,
      params: {
        fix: "Leave it out for github.com; for GitHub Enterprise write https://<host>/api/v3.",
      },
    });
  }
});

/** One entry of `repositories` with `provider: github`. */
export const GithubOptions = z
  .strictObject({
    provider: z.literal("github").optional(),
    /** Every repository of this organisation, as far as the filters below take it. */
    organization: Login.optional(),
    /** Every repository of this person. */
    user: Login.optional(),
    /** Single repositories as owner/name; the filters do not apply to them. */
    repositories: z.array(FullName).min(1).max(5000).optional(),
    /** Only repositories with this topic. */
    topic: Text.refine((text) => /^[a-z0-9][a-z0-9-]{0,49}$/.test(text), {
      error: "is not a topic: small letters, digits and dashes",
    }).optional(),
    /** Names to keep, with `*` and `?`. Left out: all. */
    include: z.array(NamePattern).max(1000).optional(),
    /** Names to leave out, with `*` and `?`. */
    exclude: z.array(NamePattern).max(1000).optional(),
    /** A personal access token, fine-grained or classic. */
    token: SecretText.optional(),
    /** Sign-in as an installed GitHub App, instead of a token. */
    app: z
      .strictObject({
        /** App id or client id, on the App's settings page. */
        id: Text,
        /** Private key in PEM, as GitHub gives it. */
        private_key: SecretText,
        /** Number at the end of the address of the installation's settings page. */
        installation_id: wholeNumber(1, Number.MAX_SAFE_INTEGER),
      })
      .optional(),
    /** Address of the REST API, for GitHub Enterprise. */
    base_url: BaseUrl.default("https://api.github.com"),
    /** How a branch is brought to what was signed. */
    land: z.enum(["automatic", "fast-forward", "merge"]).default("automatic"),
    /** Proves that webhook calls come from GitHub. Left out: no call is believed. */
    webhook_secret: SecretText.optional(),
    /** Longest wait for one answer. */
    timeout: PositiveDuration.default(20_000),
    /** Longest wait, in all, for a limit that GitHub asks us to respect; a longer one is told at once. */
    longest_wait: PositiveDuration.default(15_000),
    /** Requests at a time. */
    concurrency: wholeNumber(1, 50).default(8),
  })
  .superRefine((given, context) => {
    const { organization, user, repositories, topic, include, exclude } = given;
    if (organization === undefined && user === undefined && repositories === undefined) {
      context.addIssue({
        code: "custom",
        message: "names no repository",
        params: { fix: "Set organization, user or repositories (a list of owner/name)." },
      });
    }
    if (organization !== undefined && user !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["user"],
        message: "organization and user are both given",
        params: { fix: "Keep one; give the other an entry of its own." },
      });
    }
    if (
      organization === undefined &&
      user === undefined &&
      (topic ?? include ?? exclude) !== undefined
    ) {
      context.addIssue({
        code: "custom",
        message: "topic, include and exclude need an organization or user to choose from",
        params: { fix: "Set organization or user, or remove them." },
      });
    }
    const signIns = [given.token, given.app].filter((one) => one !== undefined).length;
    if (signIns !== 1) {
      context.addIssue({
        code: "custom",
        message: signIns === 0 ? "has no token" : "has a token and an app",
        params: {
          fix: "Set token (or token_file), or app with id, private_key and installation_id.",
        },
      });
    }
    const names = repositories?.map((name) => name.toLowerCase()) ?? [];
    const twice = names.find((name, index) => names.indexOf(name) < index);
    if (twice !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["repositories"],
        message: `${twice} is listed twice`,
        params: { fix: "Remove one." },
      });
    }
  });
export type GithubOptions = z.output<typeof GithubOptions>;

/** Where the parts of one GitHub are. */
export interface GithubAddresses {
  readonly rest: string;
  readonly graphql: string;
  readonly web: string;
}

/** github.com, GitHub Enterprise Server (`https://host/api/v3`) and GitHub Enterprise Cloud with data residency. */
export function addressesOf(baseUrl: string): GithubAddresses {
  const rest = baseUrl.replace(/\/+$/, "");
  const url = new URL(rest);
  if (/\/api\/v3$/.test(url.pathname)) {
    const root = rest.slice(0, -"/api/v3".length);
    return { rest, graphql: `${root}/api/graphql`, web: root };
  }
  return { rest, graphql: `${rest}/graphql`, web: rest.replace("://api.", "://") };
}

function whyNotAnApi(url: URL | null): string | null {
  if (url === null || !["https:", "http:"].includes(url.protocol)) {
    return "is not an https address";
  }
  if (url.protocol === "http:" && !["localhost", "127.0.0.1", "[::1]"].includes(url.hostname)) {
    return "is not an https address, so everybody between here and there could read the token";
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    return "has credentials, a ? or a # in it";
  }
  const path = url.pathname.replace(/\/+$/, "");
  return path.endsWith("/api/v3") || (path === "" && url.hostname.startsWith("api."))
    ? null
    : "is not the address of GitHub's API";
}
