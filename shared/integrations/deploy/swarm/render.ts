import { createHash } from "node:crypto";
import { posix } from "node:path";
import { parse } from "yaml";
import type { DesiredState } from "../../../core/ports/deploy-target.ts";
import type { AppError } from "../../../errors/app-error.ts";
import {
  StackFileRefused,
  type StackFileProblem,
  UpstreamTimeout,
} from "../../../errors/catalog.ts";
import { howItEnded } from "../command/observation.ts";
import type { DeployTargetDeps } from "../definition.ts";
import type { DockerCli } from "./docker-cli.ts";
import { pinImage, readImage, TAG } from "./images.ts";
import { escapeDollars, interpolate } from "./interpolate.ts";
import { LABELS, labelsOf, stampOf, type Labels } from "./labels.ts";
import { lintService, type Finding } from "./lint.ts";
import { variableName, type SwarmOptions } from "./options.ts";
import { preflight, type ClusterReader } from "./preflight.ts";
import { credentialsFor } from "./registry-auth.ts";
import type { StackFileSource } from "./stack-source.ts";
import type { PreparedService } from "./stack-deploy.ts";
import {
  filesOf,
  insideRepository,
  isPlain,
  LARGEST_STACK_FILE,
  readStackFile,
  requireService,
  sectionOf,
  USABLE,
  usedBy,
  variablesFor,
  type Plain,
  type StackFile,
} from "./stack-file.ts";

/** Swarm keeps at most this much in a config or a secret; the same will do for what a service reads its variables from. */
const LARGEST_FILE = 1_000 * 1024;
const MOST_FILES = 100;

/** Keys with no meaning for one service by itself: docker has put what the files hold into `environment`. */
const DONE_WITH = ["depends_on", "env_file"];

/** Where the files of a deploy lie beside its stack file. */
const FILES = "files";

export interface Renderer {
  /** Throws StackFileRefused, and what source control and the manager throw. */
  prepare(desired: DesiredState, signal: AbortSignal): Promise<PreparedService>;
  /** The one-off service that migrates before `desired` is deployed; null when the options name none. */
  prepareMigration(desired: DesiredState, signal: AbortSignal): Promise<PreparedService | null>;
}

export interface RendererDeps extends DeployTargetDeps {
  readonly docker: DockerCli;
  readonly source: StackFileSource;
  readonly cluster: ClusterReader;
}

/** What docker made of one service, before it is changed for the deploy. */
interface Rendered {
  readonly file: StackFile;
  readonly content: Plain;
  readonly service: Plain;
  readonly folder: string;
  readonly root: string;
  /** Contents of the files beside the stack file, by their path below the folder docker ran in. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly usesRelease: boolean;
  readonly releaseValues: readonly string[];
}

/** Makes of a stack file what one deploy hands to Swarm: one service and what it uses. */
export function createRenderer(options: SwarmOptions, deps: RendererDeps): Renderer {
  const { docker, source, cluster, clock } = deps;

  return { prepare, prepareMigration };

  async function prepare(desired: DesiredState, signal: AbortSignal): Promise<PreparedService> {
    const place = await source.locate(desired, signal);
    const rendered = await render(desired, desired.service, place, signal);
    const name = `${options.stack}_${desired.service}`;
    return finish(
      desired,
      rendered,
      place.label,
      { key: desired.service, name, job: null, isOwnImage: true },
      signal,
    );
  }

  async function prepareMigration(
    desired: DesiredState,
    signal: AbortSignal,
  ): Promise<PreparedService | null> {
    const { migrate } = options;
    if (!migrate) {
      return null;
    }
    const place = await source.locate(desired, signal);
    const from = migrate.service?.replaceAll("{service}", desired.service) ?? desired.service;
    const rendered = await render(desired, from, place, signal);
    const key = migrationKey(desired);
    const job = {
      ...rendered,
      service: asJob(rendered.service, migrate.command),
    };
    const name = `${options.stack}_${key}`;
    return finish(
      desired,
      job,
      place.label,
      { key, name, job: "migrate", isOwnImage: from === desired.service },
      signal,
    );
  }

  /** Fills in and reads one service, with docker's own eyes. */
  async function render(
    desired: DesiredState,
    service: string,
    place: { readonly repository: string; readonly sha: string; readonly label: string },
    signal: AbortSignal,
  ): Promise<Rendered> {
    const about = { path: options.compose, label: `${options.compose} (${place.label})` };
    const bytes = await source.read(
      { ...place, path: options.compose },
      LARGEST_STACK_FILE,
      signal,
    );
    if (bytes === null) {
      throw refused(about.label, "there is no such file", "Commit it, or mend target.compose.");
    }
    const file = readStackFile(bytes, about);
    const values = releaseVariables(desired, about.label);
    const variables = variablesFor(file, service, { ...options.env, ...values });
    const needed = filesNeeded(file, service, variables);
    const files = new Map<string, Uint8Array>();
    const paths = filesOf(file, variables);
    if (paths.size > MOST_FILES) {
      throw refused(about.label, `it names more than ${MOST_FILES} files`, "Name fewer.");
    }
    for (const [named, path] of paths) {
      const content = await source.read({ ...place, path }, LARGEST_FILE, signal);
      if (content === null && needed.has(named)) {
        throw refused(about.label, `it names ${path}, which is not there`, "Commit that file too.");
      }
      // Another service's file may be missing: docker wants to open it all the same.
      files.set(path, content ?? new Uint8Array());
    }
    const folder = posix.dirname(options.compose);
    const {
      end,
      stdout,
      said,
      folder: ranIn,
      root,
    } = await docker.run({
      args: ["stack", "config", "--compose-file", posix.basename(options.compose)],
      files: new Map<string, Uint8Array>([...files, [options.compose, bytes]]),
      cwd: folder,
      variables,
      manager: null,
      credentials: null,
      signal,
    });
    if (end.how === "timed_out") {
      throw new UpstreamTimeout({
        system: "docker stack config",
        operation: `reading ${options.compose}`,
        timeoutMs: options.timeout,
      });
    }
    if (end.how !== "exited" || end.code !== 0) {
      const why = said.at(-1) ?? (end.how === "unstartable" ? end.why : howItEnded(end));
      throw refused(
        about.label,
        `docker refuses it: ${why.replaceAll(`${ranIn}/`, "")}`,
        remedyFor(why),
      );
    }
    const content: unknown = parse(stdout, { stringKeys: true });
    const found = isPlain(content) ? sectionOf(content, "services")[service] : undefined;
    if (!isPlain(content) || !isPlain(found)) {
      throw refused(about.label, "docker renders nothing for it", "Look at `docker stack config`.");
    }
    return {
      file,
      content,
      service: found,
      folder: ranIn,
      root,
      files,
      ...usage(file, service, values),
    };
  }

  async function finish(
    desired: DesiredState,
    rendered: Rendered,
    sourceLabel: string,
    as: {
      readonly key: string;
      readonly name: string;
      readonly job: string | null;
      readonly isOwnImage: boolean;
    },
    signal: AbortSignal,
  ): Promise<PreparedService> {
    const { file, content } = rendered;
    const image = readImage(String(rendered.service["image"]));
    const isPinned = desired.digest !== null && as.isOwnImage;
    const fromFile = lintService({
      service: rendered.service,
      root: rendered.root,
      releaseValues: rendered.releaseValues,
      usesRelease: rendered.usesRelease,
      isPinned,
    });
    refuseErrors(file, as.key, fromFile);
    if (image === null) {
      throw new Error("the rules let an image pass that is none");
    }
    const pinned =
      isPinned && desired.digest !== null
        ? pinImage(image, desired.digest)
        : String(rendered.service["image"]);
    const { sections, files } = subset(rendered);
    const service: Plain = { ...withoutKeys(rendered.service, ...DONE_WITH), image: pinned };
    const specHash = hashOf({ service, sections });
    const credentials = credentialsFor(image.registry, options);
    const now = await cluster.service(as.name, signal);
    const findings = [
      ...fromFile,
      ...(await preflight(
        {
          serviceName: as.name,
          service,
          content: { ...content, ...sections },
          image: pinned,
          credentials,
        },
        cluster,
        signal,
      )),
    ];
    refuseErrors(file, as.key, findings);
    const kept = as.job === null ? scaleToKeep(service, now?.replicas ?? null) : null;
    const labels: Labels = {
      ...labelsOf(
        stampOf(desired, {
          digest: isPinned ? desired.digest : image.digest,
          specHash,
          appliedAt: clock.now(),
        }),
      ),
      [LABELS.source]: sourceLabel,
      ...(as.job === null ? {} : { [LABELS.job]: as.job }),
    };
    const stackFile = {
      version: content["version"] ?? "3.8",
      services: { [as.key]: stamped(service, labels, kept) },
      ...sections,
    };
    return {
      service: desired.service,
      serviceName: as.name,
      stackFile: asStackFile(stackFile),
      files,
      image: pinned,
      credentials,
      labels,
      specHash,
      warnings: [
        ...findings.map(({ text, fix }) => `${text} ${fix}`),
        ...(kept === null || kept === 1
          ? []
          : [`It keeps the ${kept} copies it has now: the stack file names no number.`]),
      ],
    };
  }

  /** What the variables of the release are for one service. Throws StackFileRefused for what must not become part of a file. */
  function releaseVariables(
    desired: DesiredState,
    label: string,
  ): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(options.variables).map(([template, written]) => {
        const name = variableName(template, desired.service);
        if (written.includes("{commit}") && desired.commit === null) {
          throw refused(
            label,
            `${name} needs the commit of ${desired.service}, which has none`,
            "Use {version} in target.variables.",
          );
        }
        const value = written
          .replaceAll("{version}", desired.version)
          .replaceAll("{commit}", desired.commit ?? "");
        if (!TAG.test(value)) {
          throw refused(
            label,
            `${name} would be "${value.slice(0, 60)}", which cannot be the tag of an image`,
            "Versions need letters, digits, dots, dashes and underscores, at most 128.",
          );
        }
        return [name, value];
      }),
    );
  }

  /** Files the service itself cannot do without, as they are written. */
  function filesNeeded(
    file: StackFile,
    service: string,
    variables: Readonly<Record<string, string>>,
  ): ReadonlySet<string> {
    const own = requireService(file, service);
    const used = usedBy(own);
    const envFile = own["env_file"];
    return new Set(
      [
        ...(Array.isArray(envFile) ? (envFile as unknown[]) : [envFile]),
        ...(["configs", "secrets"] as const).flatMap((section) =>
          used[section].map((name) => {
            const declared = sectionOf(file.content, section)[name];
            return isPlain(declared) ? declared["file"] : undefined;
          }),
        ),
      ].flatMap((name) => (typeof name === "string" ? [interpolate(name, variables) ?? name] : [])),
    );
  }

  /** Whether anything of a service changes with the release. */
  function usage(
    file: StackFile,
    service: string,
    values: Readonly<Record<string, string>>,
  ): Pick<Rendered, "usesRelease" | "releaseValues"> {
    const text = JSON.stringify(requireService(file, service));
    return {
      usesRelease: Object.keys(values).some((name) => text.includes(name)),
      releaseValues: Object.values(values),
    };
  }

  /** What the service uses of the rest of the file, with configs and secrets renamed after what is in them. */
  function subset({ content, service, folder, files, file }: Rendered): {
    readonly sections: Plain;
    readonly files: ReadonlyMap<string, Uint8Array>;
  } {
    const used = usedBy(service);
    const taken = new Map<string, Uint8Array>();
    const sections = USABLE.flatMap((section) => {
      const declared = used[section].flatMap((key) => {
        const found = sectionOf(content, section)[key];
        return found === undefined ? [] : [[key, found] as const];
      });
      return declared.length === 0
        ? []
        : [
            [
              section,
              Object.fromEntries(declared.map(([key, found]) => [key, object(key, found)])),
            ] as const,
          ];
    });
    return { sections: Object.fromEntries(sections), files: taken };

    /**
     * Swarm never changes what is in a config: the content becomes part of the name, so that a changed file is a new object
     * beside the old one, which a rollback finds again. A name somebody chose is left alone.
     */
    function object(key: string, declared: unknown): unknown {
      if (!isPlain(declared) || typeof declared["file"] !== "string") {
        return declared;
      }
      const path = insideRepository(file, posix.relative(folder, declared["file"]));
      const content = path === null ? undefined : files.get(path);
      if (content === undefined) {
        throw refused(file.label, `${key} is no file of the repository`, "Name one of its files.");
      }
      const hash = createHash("sha256").update(content).digest("hex");
      const name = `${FILES}/${hash}`;
      taken.set(name, content);
      return {
        ...declared,
        file: `./${name}`,
        name: declared["name"] ?? `${options.stack}_${key}_${hash.slice(0, 8)}`,
      };
    }
  }
}

/** Deterministic, so that after a crash the same migration is found again instead of being started twice. */
function migrationKey({ service, deployment }: DesiredState): string {
  return `${service}-migrate-${deployment}`;
}

/** The service run once, to its end, and never again by itself. */
function asJob(service: Plain, command: readonly string[] | undefined): Plain {
  const deploy = isPlain(service["deploy"]) ? service["deploy"] : {};
  return {
    ...withoutKeys(service, "ports"),
    ...(command ? { command: [...command] } : {}),
    healthcheck: { disable: true },
    deploy: {
      ...(isPlain(deploy["placement"]) ? { placement: deploy["placement"] } : {}),
      ...(isPlain(deploy["resources"]) ? { resources: deploy["resources"] } : {}),
      mode: "replicated-job",
      replicas: 1,
      restart_policy: { condition: "none" },
    },
  };
}

function refuseErrors(file: StackFile, service: string, findings: readonly Finding[]): void {
  const errors = findings.filter(({ level }) => level === "error");
  if (errors.length > 0) {
    throw new StackFileRefused({
      file: `${service} of ${file.label}`,
      problems: errors.map(({ text, fix }): StackFileProblem => ({
        line: null,
        why: text.replace(/\.$/, ""),
        fix,
      })),
    });
  }
}

/** How many there are now, where the file leaves it open; null where it does not. */
function scaleToKeep(service: Plain, replicas: number | null): number | null {
  const deploy = isPlain(service["deploy"]) ? service["deploy"] : {};
  const mode = deploy["mode"] ?? "replicated";
  return mode === "replicated" && deploy["replicas"] === undefined ? replicas : null;
}

function stamped(service: Plain, labels: Labels, replicas: number | null): Plain {
  const deploy = isPlain(service["deploy"]) ? service["deploy"] : {};
  const own = isPlain(deploy["labels"]) ? deploy["labels"] : {};
  return {
    ...service,
    deploy: {
      ...deploy,
      ...(replicas === null ? {} : { replicas }),
      labels: { ...own, ...labels },
    },
  };
}

/** The same for the same content, whatever order its keys are in. */
function hashOf(value: unknown): string {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(sorted);
  }
  return isPlain(value)
    ? Object.fromEntries(
        Object.entries(value)
          .map(([key, inner]) => [key, sorted(inner)] as const)
          .sort(([a], [b]) => (a < b ? -1 : 1)),
      )
    : value;
}

/**
 * JSON is YAML, and every text in it is quoted. Docker fills variables in again when it deploys: every dollar sign that is
 * left is meant as one.
 */
function asStackFile(content: Plain): string {
  const json = JSON.stringify(content, (_key, value: unknown) =>
    typeof value === "string" ? escapeDollars(value) : value,
  );
  // JSON leaves these as they are, and YAML does not take them.
  return json.replace(
    /[\u007f-\u009f\ufeff\ufffe\uffff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function withoutKeys(value: Plain, ...keys: readonly string[]): Plain {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

function refused(file: string, why: string, fix: string): AppError {
  return new StackFileRefused({ file, problems: [{ line: null, why, fix }] });
}

/** What to do about what docker says of a file that other tools take. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /\(root\) Additional property name is not allowed/,
    "Leave `name:` out: the stack is named by target.stack.",
  ],
  [/depends_on must be a list/, "Write depends_on as a list; the order of a release is Slipway's."],
  [
    /Additional property (\S+) is not allowed/,
    "`docker stack deploy` knows fewer keys than `docker compose`: leave it out.",
  ],
];

function remedyFor(why: string): string {
  const found = REMEDIES.find(([pattern]) => pattern.test(why))?.[1];
  return found ?? "Try `docker stack config -c` with it, and mend what it says.";
}
