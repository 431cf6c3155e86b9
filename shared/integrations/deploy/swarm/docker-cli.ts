import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SwarmUnready } from "../../../errors/catalog.ts";
import { createRedactor } from "../../../lib/redact.ts";
import { createOutput } from "../command/output.ts";
import { runCommand, type CommandEnd } from "../command/run-command.ts";
import type { DeployTargetDeps } from "../definition.ts";
import type { SwarmOptions } from "./options.ts";
import { dockerConfig, type RegistryCredentials } from "./registry-auth.ts";

/** `docker stack config` is what everything here rests on. */
const OLDEST_DOCKER = 23;

/** More than any rendered stack file. */
const LONGEST_ANSWER = 8 * 1024 * 1024;

const FOLDER_PREFIX = "slipway-docker-";
/** Longer than any run of ours can go on after its time-out. */
const LEFTOVER_SLACK_MS = 10 * 60_000;

const GRACE_MS = 2_000;
const VERSION_TIMEOUT_MS = 15_000;
const USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A manager, as `DOCKER_HOST` names it. The certificates are PEM texts. */
export interface ManagerEndpoint {
  readonly host: string;
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
}

/** Files for docker, by their path in the folder of the run. */
export type RunFiles = ReadonlyMap<string, Uint8Array | string>;

export interface DockerRun {
  readonly args: readonly string[];
  readonly files: RunFiles;
  /** What docker reads from its standard input. */
  readonly input?: string;
  /** Folder inside the run's where docker works; relative paths of a stack file start there. */
  readonly cwd: string;
  /** Variables besides those docker itself needs. */
  readonly variables: Readonly<Record<string, string>>;
  /** A manager to talk to; null for what docker does by itself. */
  readonly manager: ManagerEndpoint | null;
  readonly credentials: RegistryCredentials | null;
  readonly signal: AbortSignal;
  /** Takes each line docker says, fit to be shown. */
  onLine?(line: string): void;
}

export interface DockerEnd {
  readonly end: CommandEnd;
  /** Raw; empty when it was cut because it was too long. */
  readonly stdout: string;
  /** Last lines it said, fit to be shown. */
  readonly said: readonly string[];
  /** The folder it ran in, and the one made for the run around it. Both are gone. */
  readonly folder: string;
  readonly root: string;
}

export interface DockerCli {
  /** Throws SwarmUnready unless the program is there and new enough. Asked once. */
  requireVersion(signal: AbortSignal): Promise<void>;
  run(run: DockerRun): Promise<DockerEnd>;
}

/**
 * Runs the docker program: arguments and never a shell, in a folder made for the run and removed afterwards, with an
 * environment made for the run too. Docker fills variables of a stack file in from its whole environment and reads the
 * credentials of whoever it runs as: it must see nothing of ours.
 */
export function createDockerCli(options: SwarmOptions, deps: DeployTargetDeps): DockerCli {
  const { processEnvironment } = deps;
  const path = processEnvironment["PATH"] ?? USUAL_PATH;
  const redact = createRedactor([
    ...deps.secrets,
    ...Object.values(options.registry).map(({ password }) => password.reveal()),
  ]);
  let version: Promise<void> | undefined;
  let swept: Promise<void> | undefined;

  return {
    async requireVersion(signal) {
      version ??= askVersion(signal).catch((error: unknown) => {
        // It may be installed, or mended, while we run.
        version = undefined;
        throw error;
      });
      await version;
    },
    run,
  };

  async function run(asked: DockerRun): Promise<DockerEnd> {
    asked.signal.throwIfAborted();
    await (swept ??= removeLeftovers());
    const folder = await mkdtemp(join(tmpdir(), FOLDER_PREFIX));
    try {
      return await runIn(folder, asked);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async function runIn(folder: string, asked: DockerRun): Promise<DockerEnd> {
    const config = join(folder, "config");
    const work = join(folder, "work");
    await mkdir(config, { mode: 0o700 });
    await mkdir(join(work, asked.cwd), { recursive: true, mode: 0o700 });
    await writeFile(join(config, "config.json"), dockerConfig(asked.credentials), { mode: 0o600 });
    for (const [name, content] of asked.files) {
      const file = join(work, name);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(file, content, { mode: 0o600 });
    }
    const pieces: Buffer[] = [];
    let length = 0;
    const output = createOutput(redact, (line) => asked.onLine?.(line));
    const end = await runCommand({
      argv: [options.docker, ...asked.args],
      cwd: join(work, asked.cwd),
      env: {
        ...asked.variables,
        ...(await connection(folder, asked.manager)),
        PATH: path,
        HOME: folder,
        DOCKER_CONFIG: config,
        NO_COLOR: "1",
      },
      timeoutMs: options.timeout,
      graceMs: GRACE_MS,
      leavesProcesses: false,
      signal: asked.signal,
      ...(asked.input !== undefined && { input: asked.input }),
      onOutput(stream, chunk) {
        length += stream === "stdout" ? chunk.length : 0;
        if (stream === "stdout" && length <= LONGEST_ANSWER) {
          pieces.push(chunk);
        }
        output.write(stream, chunk);
      },
    }).finally(() => output.end());
    return {
      end,
      stdout: length <= LONGEST_ANSWER ? Buffer.concat(pieces).toString("utf8") : "",
      said: output.lastLines("stderr"),
      folder: join(work, asked.cwd),
      root: folder,
    };
  }

  async function connection(
    folder: string,
    manager: ManagerEndpoint | null,
  ): Promise<Readonly<Record<string, string>>> {
    if (manager === null) {
      return {};
    }
    const agent = processEnvironment["SSH_AUTH_SOCK"];
    if (manager.host.startsWith("ssh://") && agent !== undefined) {
      return { DOCKER_HOST: manager.host, SSH_AUTH_SOCK: agent };
    }
    if (manager.tls === null) {
      return { DOCKER_HOST: manager.host };
    }
    const certificates = join(folder, "tls");
    await mkdir(certificates, { mode: 0o700 });
    for (const [name, pem] of Object.entries(manager.tls)) {
      await writeFile(join(certificates, `${name}.pem`), pem, { mode: 0o600 });
    }
    return { DOCKER_HOST: manager.host, DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: certificates };
  }

  /** A Slipway that was killed could not remove the folder of its run, which may hold credentials. */
  async function removeLeftovers(): Promise<void> {
    const oldest = Date.now() - options.timeout - LEFTOVER_SLACK_MS;
    for (const name of await readdir(tmpdir())) {
      const folder = join(tmpdir(), name);
      if (name.startsWith(FOLDER_PREFIX)) {
        const found = await stat(folder).catch(() => null);
        if (found?.isDirectory() && found.uid === process.getuid?.() && found.mtimeMs < oldest) {
          await rm(folder, { recursive: true, force: true });
        }
      }
    }
  }

  async function askVersion(signal: AbortSignal): Promise<void> {
    const lines: string[] = [];
    const output = createOutput(redact, (line) => lines.push(line));
    const end = await runCommand({
      argv: [options.docker, "--version"],
      cwd: tmpdir(),
      env: {
        PATH: path,
        HOME: tmpdir(),
        DOCKER_CONFIG: join(tmpdir(), "slipway-no-docker-config"),
      },
      timeoutMs: VERSION_TIMEOUT_MS,
      graceMs: GRACE_MS,
      leavesProcesses: false,
      signal,
      onOutput: (stream, chunk) => output.write(stream, chunk),
    }).finally(() => output.end());
    const why = whyUnusable(end, lines.join("\n"));
    if (why !== undefined) {
      throw new SwarmUnready(
        { system: `the Swarm of ${deps.environment}`, why },
        {
          remedy: `Install the docker CLI ${OLDEST_DOCKER} or newer on the machine of Slipway (Debian's docker.io is older), or name it in target.docker.`,
        },
      );
    }
  }

  function whyUnusable(end: CommandEnd, said: string): string | undefined {
    if (end.how === "unstartable") {
      return end.why;
    }
    const major = /^Docker version (\d+)\./m.exec(said)?.[1];
    if (major === undefined) {
      return `"${options.docker} --version" does not answer as the docker CLI does`;
    }
    return Number(major) >= OLDEST_DOCKER
      ? undefined
      : `"${options.docker}" is version ${/^Docker version (\S+?),?\s/m.exec(`${said} `)?.[1] ?? major}, which has no \`docker stack config\``;
  }
}
