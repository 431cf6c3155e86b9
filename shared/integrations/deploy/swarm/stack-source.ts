import type { DesiredState } from "../../../core/ports/deploy-target.ts";
import { StackFileRefused } from "../../../errors/catalog.ts";
import type { DeployTargetDeps } from "../definition.ts";
import { LABELS } from "./labels.ts";
import type { SwarmOptions } from "./options.ts";
import type { ClusterReader } from "./preflight.ts";

/** Where a stack file is taken from, exactly. */
export interface StackFilePlace {
  readonly repository: string;
  readonly sha: string;
  /** For people and for the label: `shop@1a2b3c4d…`. */
  readonly label: string;
}

export interface StackFileSource {
  /** Throws StackFileRefused when nobody signed a commit it could be taken from, and what source control throws. */
  locate(desired: DesiredState, signal: AbortSignal): Promise<StackFilePlace>;
  /** A file there; null when there is none. */
  read(
    file: { readonly repository: string; readonly sha: string; readonly path: string },
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | null>;
}

/** Files of one commit never change; a deployment of many services reads the same few. */
const MOST_REMEMBERED = 100;
const LARGEST_REMEMBERED = 64 * 1024;

/**
 * Finds stack files at signed commits. One in a repository of its own, which the deployment does not bring, is taken from a
 * branch, whose commit is looked up once for the whole deployment: what was applied first is applied to the last service,
 * also after a restart, because the labels of the first one tell.
 */
export function createStackSource(
  options: SwarmOptions,
  deps: Pick<DeployTargetDeps, "repositoryFiles"> & { readonly cluster: ClusterReader },
): StackFileSource {
  const { repositoryFiles, cluster } = deps;
  const commits = new Map<number, string>();
  const files = new Map<string, Uint8Array | null>();

  return { locate, read };

  async function locate(desired: DesiredState, signal: AbortSignal): Promise<StackFilePlace> {
    const repository = options.repository ?? desired.repository;
    const sha =
      repository === desired.repository
        ? (desired.commit ?? desired.commits[repository])
        : desired.commits[repository];
    if (sha !== undefined) {
      return at(repository, sha);
    }
    const { branch } = options;
    if (branch === undefined) {
      throw new StackFileRefused({
        file: options.compose,
        problems: [
          {
            line: null,
            why: `no commit of ${repository} is known for ${desired.version} of ${desired.service}, so neither is its stack file`,
            fix: "Deploy it from a release, or keep the stack file in a repository of its own (target.repository).",
          },
        ],
      });
    }
    return at(repository, await commitOf(repository, branch, desired.deployment, signal));
  }

  async function commitOf(
    repository: string,
    branch: string,
    deployment: number,
    signal: AbortSignal,
  ): Promise<string> {
    // 0 asks what would be; nothing is remembered for it.
    if (deployment === 0) {
      return repositoryFiles.resolve({ repository, branch }, signal);
    }
    const known = commits.get(deployment) ?? (await fromLabels(repository, deployment, signal));
    const sha = known ?? (await repositoryFiles.resolve({ repository, branch }, signal));
    // Services of a wave ask at once: the first answer counts for all.
    const first = commits.get(deployment) ?? sha;
    remember(commits, deployment, first);
    return first;
  }

  async function fromLabels(
    repository: string,
    deployment: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const services = await cluster.stackLabels(options.stack, signal);
    for (const labels of services) {
      const [name, sha] = (labels[LABELS.source] ?? "").split("@");
      if (labels[LABELS.deployment] === String(deployment) && name === repository) {
        return sha;
      }
    }
    return undefined;
  }

  async function read(
    file: { readonly repository: string; readonly sha: string; readonly path: string },
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array | null> {
    const key = `${file.repository}@${file.sha}:${file.path}`;
    const known = files.get(key);
    if (known !== undefined) {
      return known;
    }
    const content = await repositoryFiles.read({ ...file, maxBytes }, signal);
    if (content === null || content.length <= LARGEST_REMEMBERED) {
      remember(files, key, content);
    }
    return content;
  }
}

function at(repository: string, sha: string): StackFilePlace {
  return { repository, sha, label: `${repository}@${sha}` };
}

/** Keeps the newest few. */
function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > MOST_REMEMBERED && oldest !== undefined) {
    map.delete(oldest);
  }
}
