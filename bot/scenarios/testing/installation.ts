import { stringify } from "yaml";
import { startServer, type ServerProcess, type ServerSetup } from "./server-process.ts";
import { branchOf, commitOnUat, deployedCommit, type Files } from "./repository.ts";

/** Everything one Slipway and its surroundings are made of, whichever they are, as a scenario needs it. */
export interface Installation {
  readonly server: ServerProcess;
  /** What is deployed; `auth-service` and `user-service` at least. */
  readonly services: readonly string[];
  /** Commits on `uat` as a colleague would, and makes of it whatever can be deployed. Returns the commit. */
  commit(service: string, title: string): Promise<string>;
  branch(service: string, branch: string): Promise<string>;
  /** The commit a service really runs, asked behind the back of Slipway; undefined: none, or not one. */
  running(environment: string, service: string): Promise<string | undefined>;
  dispose(): Promise<void>;
}

/** Where the code of a team is. */
export interface Source {
  /** Its entry under `repositories`. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** Variables of the server it needs. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes the repository of a service, with one commit on `master` and on `uat`. Returns the commit. */
  create(service: string, files: Files): Promise<string>;
  commit(service: string, title: string): Promise<string>;
  branch(service: string, branch: string): Promise<string>;
  close(): Promise<void>;
}

/** Where the services of a team run. */
export interface Target {
  /** What it is under `target` of an environment. */
  entry(environment: string): Readonly<Record<string, unknown>>;
  /** Variables of the server it needs. */
  readonly env: Readonly<Record<string, string>>;
  /** What the repository of a service must hold to be deployed here. */
  files(service: string): Files;
  /** Makes of a commit what is deployed, as a build does. */
  build(service: string, commit: string): Promise<void>;
  /** Brings a service out without Slipway. */
  bringOut(environment: string, service: string, commit: string): Promise<void>;
  running(environment: string, service: string): Promise<string | undefined>;
  close(): Promise<void>;
}

/** What an installation is put together from. */
export interface Parts {
  /** Gets a folder of its own. */
  source(folder: string): Promise<Source>;
  target(folder: string): Promise<Target>;
  /** SQLite without one. */
  readonly databaseUrl?: string;
  readonly processes?: readonly string[];
  /** Further keys of the environment `prod`. */
  readonly prod?: Readonly<Record<string, unknown>>;
}

/** `user-service` is the second wave. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  "auth-service": [],
  "user-service": ["auth-service"],
};
const ENVIRONMENTS = [
  { name: "preprod", branch: "uat", sign_off: "none", land: "off" },
  { name: "prod", branch: "master", promote_from: "preprod", land: "after" },
];

/**
 * Starts Slipway for a team that has been at work without it: `master` of every service runs in both environments, and on
 * `uat` each is one commit ahead.
 */
export async function createInstallation(parts: Parts): Promise<Installation> {
  const made: { close(): Promise<void> }[] = [];
  const close = async () => {
    for (const part of made.reverse()) {
      await part.close();
    }
  };
  let source: Source | undefined;
  let target: Target | undefined;
  const services = Object.keys(SERVICES);

  async function setUp(data: string): Promise<ServerSetup> {
    source = await parts.source(data);
    made.push(source);
    target = await parts.target(data);
    made.push(target);
    for (const service of services) {
      const first = await source.create(service, target.files(service));
      await target.build(service, first);
      for (const { name } of ENVIRONMENTS) {
        await target.bringOut(name, service, first);
      }
      await commit(service, "feat: the first thing Slipway sees");
    }
    return {
      config: configOf(source, target, parts.prod),
      env: { ...source.env, ...target.env },
      ...(parts.databaseUrl !== undefined && { databaseUrl: parts.databaseUrl }),
      ...(parts.processes && { processes: parts.processes }),
    };
  }

  async function commit(service: string, title: string): Promise<string> {
    const sha = await need(source).commit(service, title);
    await need(target).build(service, sha);
    return sha;
  }

  try {
    const server = await startServer(setUp);
    return {
      server,
      services,
      commit,
      branch: (service, branch) => need(source).branch(service, branch),
      running: (environment, service) => need(target).running(environment, service),
      async dispose() {
        await server.dispose();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The sample: what somebody gets who configures nothing, on SQLite, git and commands. */
export async function createSampleInstallation(): Promise<Installation> {
  const server = await startServer();
  return {
    server,
    services: [
      "api-gateway",
      "auth-service",
      "billing-service",
      "notification-service",
      "user-service",
    ],
    commit: async (service, title) => commitOnUat(server.data, service, title),
    branch: async (service, branch) => branchOf(server.data, service, branch),
    running: async (environment, service) => deployedCommit(server.data, environment, service),
    dispose: () => server.dispose(),
  };
}

function configOf(source: Source, target: Target, prod: Parts["prod"] = {}): string {
  return stringify({
    // Tests ask more often than people do.
    limits: { requests_per_second: 1_000 },
    repositories: [source.entry],
    services: Object.entries(SERVICES).map(([name, dependsOn]) => ({
      name,
      repository: name,
      depends_on: dependsOn,
    })),
    environments: ENVIRONMENTS.map((environment) => ({
      ...environment,
      ...(environment.name === "prod" && prod),
      target: target.entry(environment.name),
    })),
  });
}

function need<T>(part: T | undefined): T {
  if (part === undefined) {
    throw new Error("The installation has not been set up.");
  }
  return part;
}
