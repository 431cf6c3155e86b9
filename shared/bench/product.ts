import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { startServer, type ServerProcess } from "../../bot/scenarios/testing/server-process.ts";
import type { ReleaseView } from "../contract/release.ts";
import { createApiClient, type ApiClient } from "./api-client.ts";
import { inProject } from "./paths.ts";
import { makeRepositories, type RepositoryPlan } from "./repositories.ts";

/** The built product as its own process, on repositories made for the benchmark and with the embedded people. */
export interface Product {
  readonly server: ServerProcess;
  /** Folder of the repositories. */
  readonly repositories: string;
  api(person: string): ApiClient;
  stop(): Promise<void>;
}

/**
 * Requests per second are not limited: how fast they are served is what is measured. With BENCH_PROFILE the server writes
 * what its processor did to that folder when it ends.
 */
export async function startProduct(
  plans: readonly RepositoryPlan[],
  options: {
    readonly gitConcurrency?: number;
    readonly env?: Record<string, string>;
    /** SQLite by default. */
    readonly databaseUrl?: string;
  } = {},
): Promise<Product> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-bench-"));
  const repositories = join(folder, "repos");
  await makeRepositories(repositories, plans);
  const server = await startServer(() => ({
    config: `
limits: { requests_per_second: 100000 }
repositories:
  - provider: git
    root: ${JSON.stringify(repositories)}
    concurrency: ${String(options.gitConcurrency ?? 4)}
`,
    env: { ...profiling(), ...options.env },
    ...(options.databaseUrl !== undefined && { databaseUrl: options.databaseUrl }),
  }));
  const clients: ApiClient[] = [];
  return {
    server,
    repositories,
    api(person) {
      const client = createApiClient(server.url, server.token(person));
      clients.push(client);
      return client;
    },
    async stop() {
      clients.forEach((client) => client.close());
      await server.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One repository with a branch for each of so many releases, `lane-1` and so on, each with one commit. */
export function planLanes(count: number): readonly RepositoryPlan[] {
  const branches = Object.fromEntries(laneNumbers(count).map((lane) => [`lane-${lane}`, 1]));
  return [{ name: "service", commitCount: 20, branches }];
}

/** A release for each lane. Resolves with their numbers, in the order of the lanes. */
export async function createLaneReleases(
  api: ApiClient,
  count: number,
): Promise<readonly number[]> {
  const numbers: number[] = [];
  for (const lane of laneNumbers(count)) {
    const { number } = await api.send<ReleaseView>("POST", "/releases", {
      source: `lane-${lane}`,
      destination: "master",
    });
    numbers.push(number);
  }
  return numbers;
}

function laneNumbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function profiling(): Record<string, string> {
  const folder = process.env["BENCH_PROFILE"];
  const preload = pathToFileURL(inProject("shared/bench/profile.mjs")).href;
  return folder === undefined ? {} : { BENCH_PROFILE: folder, NODE_OPTIONS: `--import ${preload}` };
}
