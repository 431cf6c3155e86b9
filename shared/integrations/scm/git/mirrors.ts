import { createHash, randomUUID } from "node:crypto";
import { access, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "../../../lib/logger.ts";
import { RepositoryFailed } from "./failures.ts";
import { credentialSettings, type RemoteUrl } from "./remote-url.ts";
import type { Git, GitCall } from "./run-git.ts";

/** The first copy carries the whole history. */
const FIRST_COPY_FACTOR = 10;

/** A lock older than any command of ours may run was left behind by one that was killed. */
const LOCK_SLACK_MS = 10_000;

export interface Mirrors {
  /** Directory of the mirror, without touching the network. It may not be there yet. */
  directory(remote: RemoteUrl): string;
  isThere(remote: RemoteUrl): Promise<boolean>;
  /**
   * Brings the mirror up to date and gives its directory. Whoever asks while a fetch runs gets the next one, which all who
   * wait share: an answer is never older than the question. Throws `RepositoryFailed`; an old copy is never passed off as new.
   */
  fetch(remote: RemoteUrl, signal: AbortSignal): Promise<string>;
}

interface Fetching {
  readonly done: Promise<void>;
  waiting: number;
  readonly stop: AbortController;
}

/** Keeps bare copies of repositories that are known by address only, one folder each. */
export function createMirrors(deps: {
  readonly git: Git;
  readonly folder: string;
  readonly logger: Logger | undefined;
}): Mirrors {
  const { git, folder, logger } = deps;
  const running = new Map<string, Fetching>();
  const next = new Map<string, Fetching>();

  return { directory, isThere: (remote) => exists(join(directory(remote), "HEAD")), fetch };

  function directory(remote: RemoteUrl): string {
    return join(folder, `${createHash("sha256").update(remote.address).digest("hex")}.git`);
  }

  async function fetch(remote: RemoteUrl, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const mirror = directory(remote);
    const current = running.get(mirror);
    const mine =
      current === undefined
        ? begin(running, remote, undefined)
        : (next.get(mirror) ?? begin(next, remote, current));
    await shareOf(mine, signal, () => {
      if (next.get(mirror) === mine) {
        next.delete(mirror);
      }
    });
    return mirror;
  }

  /** Starts a fetch once the one before it is over, and makes it the running one. */
  function begin(
    slot: Map<string, Fetching>,
    remote: RemoteUrl,
    before: Fetching | undefined,
  ): Fetching {
    const mirror = directory(remote);
    const stop = new AbortController();
    const fetching: Fetching = { done: work(), waiting: 0, stop };
    slot.set(mirror, fetching);
    return fetching;

    async function work(): Promise<void> {
      if (before !== undefined) {
        // How the one before ended is the business of those who waited for it.
        await before.done.then(undefined, () => undefined);
        stop.signal.throwIfAborted();
        running.set(mirror, fetching);
        next.delete(mirror);
      }
      try {
        await update(remote, mirror, stop.signal);
      } finally {
        if (running.get(mirror) === fetching) {
          running.delete(mirror);
        }
      }
    }
  }

  async function update(remote: RemoteUrl, mirror: string, signal: AbortSignal): Promise<void> {
    const isFirst = await create(mirror, signal);
    const call: GitCall = {
      gitDirectory: mirror,
      args: [
        "fetch",
        "--quiet",
        "--prune",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--",
        remote.address,
        "+refs/heads/*:refs/heads/*",
        "+refs/tags/*:refs/tags/*",
      ],
      operation: `fetching ${remote.address}`,
      timeoutMs: git.timeoutMs * (isFirst ? FIRST_COPY_FACTOR : 1),
      isRemote: true,
      secretSettings: credentialSettings(remote),
      signal,
    };
    try {
      await git.run(call);
    } catch (error) {
      if (!(error instanceof RepositoryFailed) || !(await removeOldLocks(mirror))) {
        throw error;
      }
      logger?.info({ mirror }, "fetching again after removing locks of a killed fetch");
      await git.run(call);
    }
  }

  /** Makes the empty mirror unless it is there; true when its first fetch is still to come. */
  async function create(mirror: string, signal: AbortSignal): Promise<boolean> {
    const fresh = `${mirror}.${randomUUID()}.new`;
    if (!(await exists(join(mirror, "HEAD")))) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await git.run({
        gitDirectory: null,
        args: [
          "init",
          "--quiet",
          "--bare",
          "--template=",
          "--initial-branch=slipway-mirror",
          "--",
          fresh,
        ],
        operation: "making a mirror",
        signal,
      });
      await rename(fresh, mirror).catch(async (error: unknown) => {
        await rm(fresh, { recursive: true, force: true });
        if (!(await exists(join(mirror, "HEAD")))) {
          throw error;
        }
      });
    }
    return (
      !(await exists(join(mirror, "packed-refs"))) &&
      (await readdir(join(mirror, "refs/heads"))).length === 0
    );
  }

  async function removeOldLocks(mirror: string): Promise<boolean> {
    const oldest = Date.now() - git.timeoutMs * FIRST_COPY_FACTOR - LOCK_SLACK_MS;
    const names = await readdir(mirror, { recursive: true }).catch(() => []);
    let isAnyRemoved = false;
    for (const name of names.filter((entry) => entry.endsWith(".lock"))) {
      const path = join(mirror, name);
      if ((await stat(path)).mtimeMs < oldest) {
        await rm(path, { force: true });
        isAnyRemoved = true;
      }
    }
    return isAnyRemoved;
  }
}

/** Waits for a shared fetch. One who gives up leaves it to the others; when all have, it is stopped. */
async function shareOf(
  fetching: Fetching,
  signal: AbortSignal,
  abandon: () => void,
): Promise<void> {
  fetching.waiting += 1;
  let giveUp: (() => void) | undefined;
  try {
    await Promise.race([
      fetching.done,
      new Promise<never>((_resolve, reject) => {
        giveUp = () => reject(signal.reason as Error);
        signal.addEventListener("abort", giveUp, { once: true });
      }),
    ]);
  } finally {
    if (giveUp !== undefined) {
      signal.removeEventListener("abort", giveUp);
    }
    fetching.waiting -= 1;
    if (fetching.waiting === 0) {
      abandon();
      fetching.stop.abort(new Error("nobody waits for this fetch any more"));
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
