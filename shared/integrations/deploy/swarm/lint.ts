import { isMoving, readImage } from "./images.ts";
import { isPlain, type Plain } from "./stack-file.ts";

/** What a rule has to say about a service. An error keeps it from being deployed. */
export interface Finding {
  readonly rule: string;
  readonly level: "error" | "warning";
  /** A sentence. */
  readonly text: string;
  /** What to do, a sentence. */
  readonly fix: string;
}

/** A rendered service, as `docker stack config` gives it, and what a deploy sets. */
export interface LintFacts {
  readonly service: Plain;
  /** Folder docker ran in: a path below it means something only there, and only then. */
  readonly root: string;
  /** Values a deploy gives to variables: version and commit of the release. */
  readonly releaseValues: readonly string[];
  /** Whether the release's version or commit makes any difference to the service. */
  readonly usesRelease: boolean;
  /** A digest was recorded, so the image is pinned to it. */
  readonly isPinned: boolean;
}

/** Docker's own, where the file says nothing. */
const DEFAULT_MONITOR_MS = 5_000;
/** Without a health check this is how long a broken start must have time to show. */
const SHORTEST_MONITOR_MS = 15_000;

type Rule = (facts: LintFacts) => Finding | null;

/** Every rule, in the order people read them. */
export const LINT_RULES: readonly Rule[] = [
  imageIsValid,
  bindIsAbsolute,
  environmentIsItsOwn,
  imageIsFixed,
  releaseIsUsed,
  hasHealthCheck,
  rollsBackByItself,
  monitorsLongEnough,
  startsBesideItself,
  namesReplicas,
  labelsStayOffContainers,
];

/** What is wrong or unwise about a service, from the file alone. */
export function lintService(facts: LintFacts): readonly Finding[] {
  return LINT_RULES.flatMap((rule) => rule(facts) ?? []);
}

function imageIsValid({ service }: LintFacts): Finding | null {
  const { image } = service;
  if (typeof image !== "string" || image === "") {
    return error("image", "It names no image.", "Add `image:`; Swarm builds nothing itself.");
  }
  return readImage(image) === null
    ? error(
        "image",
        `"${image.slice(0, 200)}" is no image.`,
        "Write registry/name:tag; a variable that is empty leaves the tag out.",
      )
    : null;
}

function bindIsAbsolute({ service, root }: LintFacts): Finding | null {
  const volumes = Array.isArray(service["volumes"]) ? (service["volumes"] as unknown[]) : [];
  const relative = volumes.find(
    (volume) =>
      isPlain(volume) &&
      volume["type"] === "bind" &&
      typeof volume["source"] === "string" &&
      volume["source"].startsWith(`${root}/`),
  );
  return relative === undefined
    ? null
    : error(
        "relative-bind",
        "It mounts a folder of the repository, which is on no node of the cluster.",
        "Use a config or a volume, or name a folder of the nodes by its full path.",
      );
}

function environmentIsItsOwn({ service, root }: LintFacts): Finding | null {
  const variables = Object.entries(isPlain(service["environment"]) ? service["environment"] : {});
  const found = variables.find(([, value]) => typeof value === "string" && value.includes(root));
  return found
    ? error(
        "machine-variable",
        `Its variable ${found[0].slice(0, 100)} would be one of the docker program itself.`,
        "Give it a value in the stack file: one without takes whatever docker was started with.",
      )
    : null;
}

function imageIsFixed({ service, isPinned }: LintFacts): Finding | null {
  const image = readImage(imageOf(service));
  return image === null || isPinned || !isMoving(image)
    ? null
    : warning(
        "mutable-tag",
        `Its image ${imageOf(service)} can be another one tomorrow.`,
        "Use a tag of its own for each version, such as the version itself.",
      );
}

function releaseIsUsed({ service, usesRelease, isPinned }: LintFacts): Finding | null {
  return usesRelease || isPinned
    ? null
    : warning(
        "version-unused",
        `Nothing of it depends on the version: ${imageOf(service)} is deployed whatever was signed.`,
        "Use the variable of the service in its image, as in image: shop/api:${API_VERSION:?}.",
      );
}

function hasHealthCheck(facts: LintFacts): Finding | null {
  return isJob(facts) || isChecked(facts)
    ? null
    : warning(
        "healthcheck",
        "It has no health check, so running is all that can be told of it.",
        "Add `healthcheck:`, or be sure that the image has one.",
      );
}

function rollsBackByItself(facts: LintFacts): Finding | null {
  const action = updateConfig(facts)["failure_action"] ?? "pause";
  return isJob(facts) || action === "rollback"
    ? null
    : warning(
        "failure-action",
        action === "continue"
          ? "An update that fails goes on to the last task (failure_action: continue)."
          : "An update that fails stops halfway and stays so (failure_action: pause).",
        "Set deploy.update_config.failure_action to rollback.",
      );
}

function monitorsLongEnough(facts: LintFacts): Finding | null {
  const written = updateConfig(facts)["monitor"];
  const monitor =
    typeof written === "string"
      ? (goDurationMs(written) ?? DEFAULT_MONITOR_MS)
      : DEFAULT_MONITOR_MS;
  return isJob(facts) || isChecked(facts) || monitor >= SHORTEST_MONITOR_MS
    ? null
    : warning(
        "monitor",
        `Swarm watches each new task for ${monitor / 1_000} s only, and nothing checks its health.`,
        "Set deploy.update_config.monitor to 15s or more.",
      );
}

function startsBesideItself(facts: LintFacts): Finding | null {
  const ports = Array.isArray(facts.service["ports"]) ? (facts.service["ports"] as unknown[]) : [];
  const holdsPort = ports.some((port) => isPlain(port) && port["mode"] === "host");
  return holdsPort && updateConfig(facts)["order"] === "start-first"
    ? warning(
        "start-first-host-port",
        "The new task starts before the old one ends, and both want the same port of the node.",
        "Use order: stop-first, or publish the port with mode: ingress.",
      )
    : null;
}

function namesReplicas(facts: LintFacts): Finding | null {
  const { mode = "replicated", replicas } = deployOf(facts);
  return mode !== "replicated" || replicas !== undefined
    ? null
    : warning(
        "replicas",
        "The file does not say how many of it run: the number there is now is kept, one at first.",
        "Set deploy.replicas, or leave it to whoever scales the service.",
      );
}

function labelsStayOffContainers({ service, releaseValues }: LintFacts): Finding | null {
  const labels = Object.entries(isPlain(service["labels"]) ? service["labels"] : {});
  const found = labels.find(([, value]) => releaseValues.includes(String(value)));
  return found
    ? warning(
        "container-labels",
        `The label ${found[0].slice(0, 100)} of its containers holds the version: what carries it is restarted by every release.`,
        "Put it under deploy.labels.",
      )
    : null;
}

function imageOf(service: Plain): string {
  return typeof service["image"] === "string" ? service["image"] : "";
}

function deployOf({ service }: LintFacts): Plain {
  return isPlain(service["deploy"]) ? service["deploy"] : {};
}

function updateConfig(facts: LintFacts): Plain {
  const found = deployOf(facts)["update_config"];
  return isPlain(found) ? found : {};
}

function isJob(facts: LintFacts): boolean {
  const { mode } = deployOf(facts);
  return mode === "replicated-job" || mode === "global-job";
}

function isChecked({ service }: LintFacts): boolean {
  const check = service["healthcheck"];
  if (!isPlain(check) || check["disable"] === true) {
    return false;
  }
  const { test } = check;
  return Array.isArray(test) ? test.length > 0 && test[0] !== "NONE" : Boolean(test);
}

const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** `1m30s` or `1.5s`, as docker prints it; undefined for what it is not. */
function goDurationMs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
  return parts.length > 0 && parts.map(([whole]) => whole).join("") === text
    ? parts.reduce((sum, [, amount, unit = ""]) => sum + Number(amount) * (UNIT_MS[unit] ?? 0), 0)
    : undefined;
}

function error(rule: string, text: string, fix: string): Finding {
  return { rule, level: "error", text, fix };
}

function warning(rule: string, text: string, fix: string): Finding {
  return { rule, level: "warning", text, fix };
}
