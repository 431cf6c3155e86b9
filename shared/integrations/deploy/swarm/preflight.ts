import type { Finding } from "./lint.ts";
import type { Labels } from "./labels.ts";
import type { RegistryCredentials } from "./registry-auth.ts";
import { isPlain, sectionOf, usedBy, type Plain } from "./stack-file.ts";

/** What placing a task depends on. */
export interface NodeFacts {
  readonly hostname: string;
  readonly id: string;
  readonly role: string;
  readonly platform: { readonly os: string; readonly arch: string };
  readonly labels: Labels;
  readonly engineLabels: Labels;
  /** Takes new tasks: active, and not down. */
  readonly isReady: boolean;
}

/** What a manager can be asked about, reading only. Throws UpstreamUnavailable and UpstreamTimeout. */
export interface ClusterReader {
  /** Throws SwarmUnready when the engine is no manager, or its managers have lost each other. */
  requireManager(signal: AbortSignal): Promise<void>;
  /** A service by its exact name; null when there is none. `replicas` is null for one that is not replicated. */
  service(
    name: string,
    signal: AbortSignal,
  ): Promise<{ readonly replicas: number | null; readonly labels: Labels } | null>;
  /** Labels of every service of a stack. */
  stackLabels(stack: string, signal: AbortSignal): Promise<readonly Labels[]>;
  hasSecret(name: string, signal: AbortSignal): Promise<boolean>;
  hasConfig(name: string, signal: AbortSignal): Promise<boolean>;
  /** Null when there is none. */
  network(name: string, signal: AbortSignal): Promise<{ readonly scope: string } | null>;
  nodes(signal: AbortSignal): Promise<readonly NodeFacts[]>;
  /** Whether the nodes will find an image. `unknown`: the manager cannot tell, and may be wrong to say no. */
  image(
    image: string,
    credentials: RegistryCredentials | null,
    signal: AbortSignal,
  ): Promise<
    | { readonly found: "yes" | "unknown" }
    | { readonly found: "no" | "denied"; readonly why: string }
  >;
}

/** Longest name Swarm takes for a config or a secret. */
const LONGEST_OBJECT_NAME = 64;
/** Longest name of a service, as a label of a host name. */
const LONGEST_SERVICE_NAME = 63;

export interface PreflightFacts {
  readonly serviceName: string;
  readonly service: Plain;
  /** The rendered file around it. */
  readonly content: Plain;
  readonly image: string;
  readonly credentials: RegistryCredentials | null;
}

/** What is missing on the cluster for a service to run there. Reads only. */
export async function preflight(
  facts: PreflightFacts,
  cluster: ClusterReader,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings = await Promise.all([
    objectsExist(facts, "secrets", (name) => cluster.hasSecret(name, signal)),
    objectsExist(facts, "configs", (name) => cluster.hasConfig(name, signal)),
    networksExist(facts, cluster, signal),
    isPlaceable(facts, cluster, signal),
    imageExists(facts, cluster, signal),
  ]);
  return [...namesFit(facts), ...findings.flat()];
}

function namesFit({ serviceName, service, content }: PreflightFacts): readonly Finding[] {
  const used = usedBy(service);
  const objects = (["configs", "secrets"] as const).flatMap((section) =>
    used[section].flatMap((key) => {
      const found = sectionOf(content, section)[key];
      return isPlain(found) && typeof found["name"] === "string" ? [found["name"]] : [];
    }),
  );
  return [
    ...(serviceName.length > LONGEST_SERVICE_NAME
      ? [
          failed(
            "service-name",
            `Its name in Swarm, ${serviceName}, has more than ${LONGEST_SERVICE_NAME} characters.`,
            "Shorten target.stack or the name of the service.",
          ),
        ]
      : []),
    ...objects
      .filter((name) => name.length > LONGEST_OBJECT_NAME)
      .map((name) =>
        failed(
          "object-name",
          `${name} has more than ${LONGEST_OBJECT_NAME} characters, which is the longest name Swarm takes.`,
          "Shorten target.stack or the name in the stack file.",
        ),
      ),
  ];
}

async function objectsExist(
  { service, content }: PreflightFacts,
  section: "secrets" | "configs",
  exists: (name: string) => Promise<boolean>,
): Promise<readonly Finding[]> {
  const kind = section === "secrets" ? "secret" : "config";
  const findings = await Promise.all(
    usedBy(service)[section].map(async (key): Promise<Finding | null> => {
      const name = externalName(sectionOf(content, section)[key], key);
      return name === null || (await exists(name))
        ? null
        : failed(
            kind,
            `There is no ${kind} called ${name} in the Swarm.`,
            `Make it with \`docker ${kind} create ${name} -\`, or mend its name in the stack file.`,
          );
    }),
  );
  return findings.filter((finding) => finding !== null);
}

async function networksExist(
  { service, content }: PreflightFacts,
  cluster: ClusterReader,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings = await Promise.all(
    usedBy(service).networks.map(async (key): Promise<Finding | null> => {
      const name = externalName(sectionOf(content, "networks")[key], key);
      if (name === null || ["host", "bridge", "none"].includes(name)) {
        return null;
      }
      const found = await cluster.network(name, signal);
      if (found === null) {
        return failed(
          "network",
          `There is no network called ${name} in the Swarm.`,
          `Make it with \`docker network create --driver overlay ${name}\`, or mend its name in the stack file.`,
        );
      }
      return found.scope === "swarm"
        ? null
        : failed(
            "network",
            `The network ${name} is of one machine, not of the Swarm.`,
            "Use an overlay network.",
          );
    }),
  );
  return findings.filter((finding) => finding !== null);
}

async function isPlaceable(
  { service }: PreflightFacts,
  cluster: ClusterReader,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const constraints = constraintsOf(service);
  if (constraints.length === 0) {
    return [];
  }
  const nodes = (await cluster.nodes(signal)).filter((node) => node.isReady);
  // A constraint nobody here can read may still be one Swarm can.
  const readable = constraints.flatMap((text) => readConstraint(text) ?? []);
  const fits = nodes.filter((node) => readable.every((constraint) => meets(node, constraint)));
  return fits.length > 0
    ? []
    : [
        failed(
          "placement",
          `No node that takes tasks meets ${constraints.join(" and ")}.`,
          "Mend deploy.placement.constraints, or label a node with `docker node update --label-add`.",
        ),
      ];
}

async function imageExists(
  { image, credentials }: PreflightFacts,
  cluster: ClusterReader,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const answer = await cluster.image(image, credentials, signal);
  switch (answer.found) {
    case "yes":
    case "unknown":
      return [];
    case "no":
      return [
        failed(
          "image-missing",
          `There is no image ${image}: ${answer.why}.`,
          "Wait until it is built and pushed, or mend the tag.",
        ),
      ];
    case "denied":
      return [
        {
          rule: "image-denied",
          level: "warning",
          text: `The registry does not let us see ${image}: ${answer.why}.`,
          fix: "Give its credentials in target.registry.",
        },
      ];
  }
}

/** What is looked for in the Swarm by its own name; null for what the stack itself makes. */
function externalName(declared: unknown, key: string): string | null {
  if (!isPlain(declared)) {
    return null;
  }
  const { external, name } = declared;
  const named = isPlain(external) ? external["name"] : name;
  if (external === undefined || external === false) {
    return null;
  }
  return typeof named === "string" ? named : key;
}

function constraintsOf(service: Plain): readonly string[] {
  const deploy = service["deploy"];
  const placement = isPlain(deploy) ? deploy["placement"] : undefined;
  const constraints = isPlain(placement) ? placement["constraints"] : undefined;
  return Array.isArray(constraints) ? constraints.map(String) : [];
}

interface Constraint {
  readonly key: string;
  readonly isEqual: boolean;
  readonly value: string;
}

/** `node.labels.zone == a`; null for what it is not. */
export function readConstraint(text: string): Constraint | null {
  const found = /^\s*([\w.-]+(?:\.[\w./-]+)*)\s*(==|!=)\s*(.*?)\s*$/.exec(text);
  const [, key, operator, value] = found ?? [];
  return key === undefined || value === undefined
    ? null
    : { key, isEqual: operator === "==", value };
}

/** Whether a node meets a constraint, compared as swarmkit does: without regard to case. Unknown keys are met by nobody. */
export function meets(node: NodeFacts, { key, isEqual, value }: Constraint): boolean {
  const actual = factOf(node, key);
  if (actual === undefined) {
    return false;
  }
  return (actual.toLowerCase() === value.toLowerCase()) === isEqual;
}

function factOf(node: NodeFacts, key: string): string | undefined {
  const lower = key.toLowerCase();
  if (lower.startsWith("node.labels.")) {
    return node.labels[key.slice("node.labels.".length)] ?? "";
  }
  if (lower.startsWith("engine.labels.")) {
    return node.engineLabels[key.slice("engine.labels.".length)] ?? "";
  }
  switch (lower) {
    case "node.id":
      return node.id;
    case "node.hostname":
      return node.hostname;
    case "node.role":
      return node.role;
    case "node.platform.os":
      return node.platform.os;
    case "node.platform.arch":
      return node.platform.arch;
    default:
      return undefined;
  }
}

function failed(rule: string, text: string, fix: string): Finding {
  return { rule, level: "error", text, fix };
}
