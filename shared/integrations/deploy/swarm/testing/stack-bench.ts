import { createHash } from "node:crypto";
import { readEnvironment } from "../../../../config/environment.ts";
import type { DesiredState } from "../../../../core/ports/deploy-target.ts";
import { systemTimers } from "../../../../lib/scheduler.ts";
import { desiredState } from "../../../../testing/deploy-target-contract.ts";
import type { RepositoryFiles } from "../../definition.ts";
import { createClusterReader } from "../cluster-reader.ts";
import { createEngine } from "../engine.ts";
import { SwarmOptions } from "../options.ts";
import type { ClusterReader, NodeFacts } from "../preflight.ts";
import { createStackApplier, type StackApplierDeps } from "../stack-applier.ts";

/** Repositories in memory, whose commits are named by what is in them. */
export interface FakeRepositories extends RepositoryFiles {
  /** Makes a commit of exactly these files on top of a branch, and gives its id. */
  commit(
    repository: string,
    branch: string,
    files: Readonly<Record<string, string | Uint8Array>>,
  ): string;
  /** Every file that was asked for, in order. */
  readonly asked: string[];
}

export function createFakeRepositories(): FakeRepositories {
  const commits = new Map<string, Readonly<Record<string, string | Uint8Array>>>();
  const branches = new Map<string, string>();
  const asked: string[] = [];
  return {
    asked,
    commit(repository, branch, files) {
      const sha = createHash("sha1")
        .update(JSON.stringify([repository, commits.size, files]))
        .digest("hex");
      commits.set(`${repository}@${sha}`, files);
      branches.set(`${repository}:${branch}`, sha);
      return sha;
    },
    async read({ repository, sha, path }) {
      asked.push(`${repository}@${sha}:${path}`);
      const content = commits.get(`${repository}@${sha}`)?.[path];
      return content === undefined ? null : Buffer.from(content);
    },
    async resolve({ repository, branch }) {
      const sha = branches.get(`${repository}:${branch}`);
      if (sha === undefined) {
        throw new Error(`there is no ${branch} of ${repository}`);
      }
      return sha;
    },
  };
}

/** A cluster that has everything, unless told otherwise. */
export function createFakeCluster(more: Partial<ClusterReader> = {}): ClusterReader {
  return {
    requireManager: async () => undefined,
    service: async () => null,
    stackLabels: async () => [],
    hasSecret: async () => true,
    hasConfig: async () => true,
    network: async () => ({ scope: "swarm" }),
    nodes: async () => [nodeFacts()],
    image: async () => ({ found: "yes" }),
    ...more,
  };
}

export function nodeFacts(more: Partial<NodeFacts> = {}): NodeFacts {
  return {
    id: "node1",
    hostname: "one",
    role: "manager",
    platform: { os: "linux", arch: "x86_64" },
    labels: {},
    engineLabels: {},
    isReady: true,
    ...more,
  };
}

export type StackBenchOptions = Partial<{
  readonly options: Readonly<Record<string, unknown>>;
  readonly environment: Readonly<Record<string, string>>;
  readonly cluster: ClusterReader;
  readonly manager: StackApplierDeps["manager"];
  readonly now: () => Date;
}>;

/** The half of the target that knows stack files, over repositories in memory. */
export function createStackBench(given: StackBenchOptions = {}) {
  const repositories = createFakeRepositories();
  const options = SwarmOptions.parse({
    stack: "shop",
    compose: "deploy/stack.yml",
    ...given.options,
  });
  const cluster = given.cluster ?? createFakeCluster();
  const applier = createStackApplier(options, {
    environment: "prod",
    baseDir: "/",
    processEnvironment: { PATH: readEnvironment()["PATH"] ?? "", ...given.environment },
    secrets: [],
    clock: { now: given.now ?? (() => new Date("2026-11-21T10:00:00Z")) },
    repositoryFiles: repositories,
    timers: systemTimers,
    cluster,
    manager: given.manager ?? (async () => ({ host: "unix:///nowhere.sock", tls: null })),
  });
  return { repositories, applier, options, cluster };
}

/** The same over a real Swarm. */
export function createRealStackBench(
  endpoint: { readonly host: string; readonly tls?: StackTls },
  given: StackBenchOptions = {},
) {
  const engine = createEngine({
    endpoints: [{ host: endpoint.host, tls: endpoint.tls ?? null }],
    system: "the Swarm of prod",
    timers: systemTimers,
    ssh: "ssh",
    sshEnvironment: { PATH: readEnvironment()["PATH"] ?? "", ...given.environment },
  });
  return createStackBench({
    cluster: createClusterReader(engine, "the Swarm of prod"),
    manager: (signal) => engine.manager(signal),
    now: () => new Date(),
    ...given,
  });
}

export interface StackTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What a deployment wants of a service whose code is at a commit. */
export function wanted(
  service: string,
  version: string,
  commit: string,
  more: Partial<DesiredState> = {},
): DesiredState {
  const base = desiredState(service, "1.0.0");
  return { ...base, version, commit, commits: { [base.repository]: commit }, ...more };
}
