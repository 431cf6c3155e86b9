import { z } from "zod";
import { PositiveDuration } from "../../../config/duration.ts";
import { BranchName, InnerPath, Name, SecretText, Text } from "../../../config/values.ts";
import { nearest } from "../../../lib/nearest.ts";

/** What `{…}` stands for in the name of a variable: the service as names of variables are written, `API_GATEWAY`. */
const NAME_PLACEHOLDER = "{SERVICE}";

/** What `{…}` can stand for in the value of a variable. */
const VALUE_PLACEHOLDERS = ["version", "commit"] as const;

const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Variables the docker program itself listens to: a stack file has no business with them. */
const OWN_VARIABLES = /^(?:PATH|HOME|DOCKER_.*|SSH_.*|SLIPWAY_.*|HTTPS?_PROXY|NO_PROXY)$/i;

const VariableName = z
  .string()
  .refine((name) => VARIABLE_NAME.test(name), {
    error: "is not the name of a variable",
    params: { fix: "Use letters, digits and underscores." },
  })
  .refine((name) => !OWN_VARIABLES.test(name), {
    error: "is a variable of the docker program itself",
    params: { fix: "Choose another name, in the stack file too." },
  });

const VariableTemplate = z.string().superRefine((name, context) => {
  const check = VariableName.safeParse(name.replaceAll(NAME_PLACEHOLDER, "SERVICE"));
  if (!check.success) {
    context.addIssue({
      code: "custom",
      message: "is not the name of a variable",
      params: { fix: `Use letters, digits and underscores, and ${NAME_PLACEHOLDER}.` },
    });
  }
});

const ValueTemplate = Text.superRefine((value, context) => {
  for (const [, name = ""] of value.matchAll(/\{([^{}]*)\}/g)) {
    if (!VALUE_PLACEHOLDERS.some((known) => known === name)) {
      const near = nearest(name, VALUE_PLACEHOLDERS)[0];
      context.addIssue({
        code: "custom",
        message: `there is no placeholder {${name.slice(0, 40)}} here`,
        params: {
          fix:
            near === undefined
              ? `Use ${VALUE_PLACEHOLDERS.map((one) => `{${one}}`).join(" or ")}.`
              : `Did you mean {${near}}?`,
        },
      });
    }
  }
});

const Host = Text.superRefine((host, context) => {
  const problem = problemWithHost(host);
  if (problem !== undefined) {
    context.addIssue({ code: "custom", message: problem[0], params: { fix: problem[1] } });
  }
});

/** A registry as images name it: `registry.example.com`, `localhost:5000`, `docker.io`. */
const RegistryHost = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/i, {
  error: "is not the host of a registry; write it as images do, such as registry.example.com",
});

const Argument = z
  .string()
  .min(1, "must not be empty")
  .max(10_000, "is longer than 10,000 characters")
  .refine((argument) => !argument.includes("\0"), { error: "contains a zero character" });

/** Options of the Swarm target. */
export const SwarmOptions = z
  .strictObject({
    /** A manager, or several: the first that answers is used. */
    host: z
      .union([Host, z.array(Host).min(1, "must name a manager").max(20)])
      .transform((hosts): readonly string[] => (Array.isArray(hosts) ? hosts : [hosts]))
      .default(["unix:///var/run/docker.sock"]),
    /** For `tcp://`: each a path, or the PEM text itself. */
    tls: z.strictObject({ ca: Text, cert: Text, key: SecretText }).optional(),
    /** Name of the stack; Swarm services are called `<stack>_<service>`. */
    stack: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, {
      error: "the name of a stack has small letters, digits, dashes and underscores, at most 63",
    }),
    /** Path of the stack file in its repository. */
    compose: InnerPath.refine((path) => path !== "", { error: "must name a file" }),
    /** Repository of the stack file. Left out: the one of the service. */
    repository: Name.optional(),
    /** Where the stack file is taken from when its repository is in no release. */
    branch: BranchName.optional(),
    /** Variable of the stack file → what a deploy sets it to. */
    variables: z
      .record(VariableTemplate, ValueTemplate)
      .default({ [`${NAME_PLACEHOLDER}_VERSION`]: "{version}" }),
    /** Further variables of the stack file, the same for every deploy. */
    env: z.record(VariableName, Text).default({}),
    /** Credentials by registry. */
    registry: z
      .record(RegistryHost, z.strictObject({ username: Text, password: SecretText }))
      .default({}),
    /** The docker program, 23 or newer. */
    docker: Text.default("docker"),
    /** When Swarm looks up which digest a tag stands for; see `docker stack deploy --resolve-image`. */
    resolve_image: z.enum(["always", "changed", "never"]).default("always"),
    /** How migrations run: one-off, before the service. Left out: this target has none. */
    migrate: z
      .strictObject({
        /** What is run, instead of what the service runs. */
        command: z.array(Argument).min(1, "must name a program").max(200).optional(),
        /** The service of the stack file it is run in; `{service}`, the default, is the deployed one. */
        service: Text.optional(),
      })
      .refine(({ command, service }) => command !== undefined || service !== undefined, {
        error: "needs a command or a service",
        params: { fix: "Say what migrates, or leave it out." },
      })
      .optional(),
    /** Longest run of one docker command. */
    timeout: PositiveDuration.default(120_000),
  })
  .superRefine((options, context) => {
    // With a mistake in one of them it may still be what was written.
    const hosts = [options.host].flat();
    const hasTcp = hosts.some((host) => host.startsWith("tcp://"));
    if (options.tls !== undefined && !hasTcp) {
      context.addIssue({
        code: "custom",
        path: ["tls"],
        message: "is only for hosts with tcp://",
        params: { fix: "Leave it out, or write the host as tcp://host:2376." },
      });
    }
    if (options.tls === undefined && hosts.some(isOpenToOthers)) {
      context.addIssue({
        code: "custom",
        path: ["host"],
        message: "whoever reaches this port owns the cluster",
        params: { fix: "Give target.tls, or go through ssh://." },
      });
    }
    if (options.repository !== undefined && options.branch === undefined) {
      context.addIssue({
        code: "custom",
        path: ["branch"],
        message: "is missing",
        params: { fix: "Name the branch of target.repository the stack file is taken from." },
      });
    }
    if (options.repository === undefined && options.branch !== undefined) {
      context.addIssue({
        code: "custom",
        path: ["branch"],
        message: "is only for a stack file in a repository of its own",
        params: { fix: "Leave it out: the file is taken from the signed commit of the service." },
      });
    }
  });
export type SwarmOptions = z.output<typeof SwarmOptions>;

function problemWithHost(host: string): readonly [message: string, fix: string] | undefined {
  const written = "Write unix:///var/run/docker.sock, tcp://host:2376 or ssh://user@host.";
  if (/^unix:\/\/\/[^\0\s]+$/.test(host)) {
    return undefined;
  }
  if (!/^(?:tcp|ssh):\/\//.test(host)) {
    return [`"${host.slice(0, 60)}" is not the address of a Docker engine`, written];
  }
  if (!URL.canParse(host)) {
    return [`"${host.slice(0, 60)}" is not an address`, written];
  }
  const url = new URL(host);
  if (url.password !== "") {
    return ["must not hold a password", "Use a key that ssh knows."];
  }
  // What looks like an option would become one of ssh.
  if (url.hostname === "" || url.hostname.startsWith("-") || url.username.startsWith("-")) {
    return [`"${host.slice(0, 60)}" names no host`, written];
  }
  if (url.protocol === "tcp:" && url.port === "") {
    return ["names no port", "Engines with TLS listen on 2376: tcp://host:2376."];
  }
  return url.search !== "" || url.hash !== "" ? ["is not an address", written] : undefined;
}

/** Plain tcp beyond this machine. */
function isOpenToOthers(host: string): boolean {
  return (
    host.startsWith("tcp://") &&
    URL.canParse(host) &&
    !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(host).hostname)
  );
}

/** Whether docker itself is run with a variable of this name: what it holds says something of our machine. */
export function isOwnVariable(name: string): boolean {
  return OWN_VARIABLES.test(name);
}

/** `api-gateway` → `API_GATEWAY`. */
function asVariable(service: string): string {
  const name = service.toUpperCase().replace(/[^A-Z0-9]+/g, "_");
  return /^\d/.test(name) ? `_${name}` : name;
}

/** Name of a variable for one service, from its template. */
export function variableName(template: string, service: string): string {
  return template.replaceAll(NAME_PLACEHOLDER, asVariable(service));
}
