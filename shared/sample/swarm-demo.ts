import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse, stringify } from "yaml";
import { z } from "zod";
import type { Environment } from "../config/environment.ts";
import { DemoImpossible } from "../errors/catalog.ts";
import { sampleRepositories } from "./sample-history.ts";
import { sampleRoles } from "./sample-people.ts";

const run = promisify(execFile);

const IMAGES = "slipway-sample";
const LABEL = "slipway.sample=swarm";
const ENVIRONMENTS = [
  { name: "preprod", branch: "uat", firstPort: 18_101 },
  { name: "prod", branch: "master", firstPort: 18_201 },
] as const;
const stackOf = (environment: string) => `slipway-sample-${environment}`;

/** As `version` of a release names a commit. */
const SHORT_COMMIT = 8;
const IMPORTED_AT_ONCE = 4;
const LARGEST_ANSWER = 16 * 1024 * 1024;

/** Files of programs that any Linux runs, whatever libraries it has. */
const STATIC_BUSYBOX = ["/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"];

export interface SwarmDemoPlace {
  /** Where the demo keeps everything: configuration, repositories, database. */
  readonly folder: string;
  readonly environment: Environment;
}

/** The local engine, as the docker program of the person reaches it. */
export interface DemoEngine {
  /** For the configuration. */
  readonly host: string;
  readonly docker: (...args: readonly string[]) => Promise<string>;
}

/**
 * Throws DemoImpossible when there is no docker program, no engine of this machine behind it, or another one than the demo was
 * set up on.
 */
export async function findEngine({ environment, folder }: SwarmDemoPlace): Promise<DemoEngine> {
  const docker = async (...args: readonly string[]) => {
    const { stdout } = await run("docker", [...args], {
      env: { ...environment },
      maxBuffer: LARGEST_ANSWER,
    });
    return stdout.trim();
  };
  try {
    await docker("version", "--format", "{{.Server.Version}}");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      throw new DemoImpossible(
        { why: "there is no docker program" },
        { remedy: "Install Docker, and see that `docker version` works.", cause: error },
      );
    }
    throw new DemoImpossible(
      { why: `there is no Docker engine to be reached (${complaint(error)})` },
      { remedy: "Install Docker and start it, or set DOCKER_HOST to where it listens." },
    );
  }
  const context = ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"];
  const host = environment["DOCKER_HOST"] ?? (await docker(...context));
  if (!host.startsWith("unix://")) {
    throw new DemoImpossible(
      { why: `the demo is for an engine on this machine, and ${host} is none` },
      { remedy: "Set DOCKER_HOST to its socket, such as unix:///var/run/docker.sock." },
    );
  }
  const before = await readDemoHost(folder);
  if (before !== null && before !== host) {
    throw new DemoImpossible(
      { why: `it was set up on ${before}, and this is another engine (${host})` },
      { remedy: `Set DOCKER_HOST=${before}; \`-- --down\` with it takes the demo away there.` },
    );
  }
  return { host, docker };
}

const ConfigHost = z.object({
  environments: z.array(z.object({ target: z.object({ host: z.string() }) })),
});

/** The engine of the configuration; null without one, or when a person made something else of it. */
async function readDemoHost(folder: string): Promise<string | null> {
  const text = await readFile(demoConfigFile(folder), "utf8").catch(() => null);
  const config = text === null ? undefined : ConfigHost.safeParse(parse(text)).data;
  return config?.environments[0]?.target.host ?? null;
}

function demoConfigFile(folder: string): string {
  return join(folder, "config.yaml");
}

const SwarmJson = z.object({
  LocalNodeState: z.string(),
  ControlAvailable: z.boolean().optional(),
  Nodes: z.number().optional(),
});

/**
 * Whether the engine is a Swarm of its own; `inactive` when it is none yet. Throws DemoImpossible for a member of a larger one:
 * our images are on this engine only.
 */
export async function swarmState({ docker }: DemoEngine): Promise<"ready" | "inactive"> {
  const swarm = SwarmJson.parse(JSON.parse(await docker("info", "--format", "{{json .Swarm}}")));
  if (swarm.LocalNodeState === "inactive") {
    return "inactive";
  }
  if (swarm.ControlAvailable !== true || (swarm.Nodes ?? 1) > 1) {
    throw new DemoImpossible(
      { why: "this engine belongs to a Swarm with other nodes, which do not have the images" },
      { remedy: "Use an engine of its own for the demo, such as Docker Desktop." },
    );
  }
  return "ready";
}

/** Makes the engine a Swarm of one node, and remembers that it was us. */
export async function initSwarm({ docker }: DemoEngine, { folder }: SwarmDemoPlace): Promise<void> {
  await docker("swarm", "init", "--advertise-addr", "127.0.0.1");
  await mkdir(folder, { recursive: true });
  await writeFile(initialisedMark(folder), "");
}

/** Writes the configuration unless there is one, and gives its path. */
export async function writeDemoConfig(
  { folder }: SwarmDemoPlace,
  { host }: DemoEngine,
): Promise<string> {
  const path = demoConfigFile(folder);
  await mkdir(folder, { recursive: true });
  const isThere = await readFile(path).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const environments = [];
    for (const { name, branch, firstPort } of ENVIRONMENTS) {
      environments.push({
        name,
        branch,
        ...(name === "prod" && { promote_from: "preprod", land: "after" }),
        target: {
          kind: "swarm",
          host,
          stack: stackOf(name),
          compose: "deploy/stack.yml",
          // No registry has the images, and none should be asked for them.
          resolve_image: "never",
          env: await freePorts(firstPort),
          migrate: { command: ["/bin/busybox", "cat", "/migrations"] },
        },
      });
    }
    const config = {
      data: "./state",
      auth: { embedded: true, roles: sampleRoles },
      repositories: [{ provider: "git", root: "./workspace/repos" }],
      services: sampleRepositories.map(({ name, dependsOn }) => ({
        name,
        repository: name,
        depends_on: dependsOn,
      })),
      environments,
    };
    await writeFile(path, `${CONFIG_BEGINNING}${stringify(config)}`);
  }
  return path;
}

const CONFIG_BEGINNING = `# The sample workspace on the local Docker engine, made by \`npm run demo:swarm\`. Yours to change: it is kept until
# \`npm run demo:swarm -- --down\`. Every key is explained in config.example.yaml.
`;

const ConfigPorts = z.object({
  environments: z.array(
    z.object({ name: z.string(), target: z.object({ env: z.record(z.string(), z.unknown()) }) }),
  ),
});

/** Where each service can be seen, environment by environment, as the configuration says. */
export function demoAddresses(config: unknown): readonly string[] {
  return ConfigPorts.parse(config).environments.flatMap(({ name, target }) =>
    sampleRepositories.map((service) => {
      const port = String(target.env[portVariable(service.name)]);
      return `${name.padEnd(8)} ${service.name.padEnd(21)} http://localhost:${port}`;
    }),
  );
}

/** What images are made from: the one program in them. */
export interface DemoBuilder {
  /** Makes an image for every commit of every repository that has none. Gives the names of the new ones. */
  readonly build: () => Promise<readonly string[]>;
  readonly close: () => void;
}

/**
 * Stands in for a build: whatever is committed becomes an image of that commit, which serves one page with its version. Throws
 * DemoImpossible when there is nothing to make images from.
 */
export async function createDemoBuilder(
  { folder, environment }: SwarmDemoPlace,
  engine: DemoEngine,
): Promise<DemoBuilder> {
  // What an interrupted start left there is of no use to anybody.
  const work = join(folder, "images");
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const busybox = join(work, "busybox");
  try {
    await takeBusybox(engine, busybox);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
  const known = new Set(
    (
      await engine.docker(
        ...["image", "ls", "--filter", `label=${LABEL}`],
        ...["--format", "{{.Repository}}:{{.Tag}}"],
      )
    ).split("\n"),
  );

  return {
    async build() {
      const missing = (await allCommits()).filter(({ image }) => !known.has(image));
      for (let start = 0; start < missing.length; start += IMPORTED_AT_ONCE) {
        await Promise.all(missing.slice(start, start + IMPORTED_AT_ONCE).map(importImage));
      }
      return missing.map(({ image }) => image);
    },
    // At the very end of the process nothing else is possible.
    close: () => rmSync(work, { recursive: true, force: true }),
  };

  async function allCommits(): Promise<readonly Commit[]> {
    const found = await Promise.all(
      sampleRepositories.map(async ({ name }): Promise<readonly Commit[]> => {
        const path = join(folder, "workspace/repos", name);
        const { stdout } = await run("git", ["-C", path, "log", "--branches", "--format=%H %s"], {
          env: { ...environment, GIT_CONFIG_NOSYSTEM: "1" },
          maxBuffer: LARGEST_ANSWER,
        });
        return stdout
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => {
            const [sha = "", ...title] = line.split(" ");
            const version = sha.slice(0, SHORT_COMMIT);
            return {
              service: name,
              version,
              title: title.join(" "),
              image: `${IMAGES}/${name}:${version}`,
            };
          });
      }),
    );
    return found.flat();
  }

  async function importImage({ service, version, title, image }: Commit): Promise<void> {
    const root = await mkdtemp(join(work, "root-"));
    try {
      for (const part of ["bin", "www", "tmp"]) {
        await mkdir(join(root, part));
      }
      await copyFile(busybox, join(root, "bin/busybox"));
      await symlink("busybox", join(root, "bin/sh"));
      await writeFile(join(root, "www/index.html"), `${service} ${version}: ${title}\n`);
      await writeFile(
        join(root, "migrations"),
        `${service}: every migration of ${version} is applied\n`,
      );
      const archive = `${root}.tar`;
      await run("tar", ["-C", root, "--owner=0", "--group=0", "-cf", archive, "."]);
      await engine.docker(
        "import",
        ...["--change", 'CMD ["/bin/busybox","httpd","-f","-p","8080","-h","/www"]'],
        ...["--change", `LABEL ${LABEL}`, "--change", "EXPOSE 8080"],
        ...[archive, image],
      );
      await rm(archive);
      known.add(image);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  }
}

interface Commit {
  readonly service: string;
  readonly version: string;
  readonly title: string;
  readonly image: string;
}

/**
 * Takes away everything the demo put on the engine and its folder. A Swarm the demo started is ended, unless something else
 * runs on it by now. Gives a line for each thing done.
 */
export async function takeDown(
  { docker }: DemoEngine,
  { folder }: SwarmDemoPlace,
): Promise<readonly string[]> {
  const done: string[] = [];
  const info = SwarmJson.parse(JSON.parse(await docker("info", "--format", "{{json .Swarm}}")));
  if (info.ControlAvailable === true) {
    for (const { name } of ENVIRONMENTS) {
      const stack = stackOf(name);
      const labelled = ["--filter", `label=com.docker.stack.namespace=${stack}`, "--quiet"];
      if ((await docker("service", "ls", ...labelled)) !== "") {
        await docker("stack", "rm", stack);
        done.push(`removed the stack ${stack}`);
      }
      await untilEmpty(async () => {
        // Swarm forgets what has ended when its service is removed: the containers of migrations stay.
        await docker("container", "prune", "--force", ...labelled.slice(0, 2));
        return docker("ps", "--all", ...labelled);
      });
    }
    const others = await docker("service", "ls", "--quiet");
    const wasOurs = await readFile(initialisedMark(folder)).then(
      () => true,
      () => false,
    );
    if (wasOurs && others === "") {
      await docker("swarm", "leave", "--force");
      done.push("ended the Swarm the demo had started");
    }
  }
  const images = (await docker("image", "ls", "--filter", `label=${LABEL}`, "--quiet")).split("\n");
  const ids = [...new Set(images.filter((id) => id !== ""))];
  if (ids.length > 0) {
    await docker("image", "rm", "--force", ...ids);
    done.push(`removed ${ids.length} images`);
  }
  if ((await readdir(folder).catch(() => [])).length > 0) {
    await rm(folder, { recursive: true, force: true });
    done.push(`removed ${folder}`);
  }
  return done;
}

function initialisedMark(folder: string): string {
  return join(folder, "swarm-was-started");
}

const LONGEST_REMOVAL_MS = 60_000;
const REMOVAL_POLL_MS = 250;

/** Containers of a removed stack take a moment to end, and hold on to its network until then. */
async function untilEmpty(list: () => Promise<string>): Promise<void> {
  const until = performance.now() + LONGEST_REMOVAL_MS;
  while ((await list()) !== "" && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, REMOVAL_POLL_MS));
  }
}

/** One static program is a whole image. From this machine where it is Linux, else from an image the engine has. */
async function takeBusybox({ docker }: DemoEngine, target: string): Promise<void> {
  for (const file of process.platform === "linux" ? STATIC_BUSYBOX : []) {
    if (await isStatic(file)) {
      await copyFile(file, target);
      return;
    }
  }
  for (const image of ["busybox:musl", "busybox"]) {
    const has = await docker("image", "inspect", "--format", "{{.Id}}", image).catch(() => "");
    if (has !== "") {
      const container = await docker("create", image);
      try {
        await docker("cp", "--follow-link", `${container}:/bin/busybox`, target);
      } finally {
        await docker("rm", container);
      }
      return;
    }
  }
  throw new DemoImpossible(
    { why: "there is no static busybox to make images from" },
    {
      remedy:
        "Install one (Debian, Ubuntu: apt-get install busybox-static), or say `docker pull busybox:musl`.",
    },
  );
}

/** A program that names no loader needs no library. */
async function isStatic(file: string): Promise<boolean> {
  const content = await readFile(file).catch(() => null);
  return content !== null && !content.subarray(0, 4096).includes("/ld-");
}

async function freePorts(first: number): Promise<Readonly<Record<string, string>>> {
  const ports: Record<string, string> = {};
  let next = first;
  for (const { name } of sampleRepositories) {
    while (!(await isFree(next))) {
      next += 1;
    }
    ports[portVariable(name)] = String(next);
    next += 1;
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}

function portVariable(service: string): string {
  return `${service.toUpperCase().replaceAll("-", "_")}_PORT`;
}

function complaint(error: unknown): string {
  const said = error instanceof Error && "stderr" in error ? String(error.stderr) : String(error);
  return said.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
}
