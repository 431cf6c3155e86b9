import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync } from "node:fs";
import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { randomToken } from "../../../../lib/ids.ts";
import { untilItWorks } from "../../../../testing/until-it-works.ts";

const run = promisify(execFile);
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const BUSYBOX = ["/bin/busybox", "/usr/bin/busybox"].find((file) => existsSync(file));

const STACK_DEPLOY = "stack deploy --detach=true --resolve-image never -c".split(" ");

/** What `describeWith` says is missing where there is no Swarm. */
export const SWARM_PART = "Docker (dockerd and docker CLI ≥ 23, busybox-static, root)";

/** Whether this machine can run a Swarm of its own. */
export const hasSwarm =
  process.platform === "linux" &&
  process.getuid?.() === 0 &&
  BUSYBOX !== undefined &&
  succeeds("dockerd", ["--version"]) &&
  succeeds("unshare", ["--net", "--mount", "--pid", "--fork", "--mount-proc", "true"]) &&
  succeeds("docker", ["stack", "config", "--help"]);

/**
 * Everything lives in namespaces of its own: processes, mounts, network. Its first process reads orders and ends when nobody
 * is left to give them, also when the test was killed; with it end dockerd, containerd and all containers.
 */
const FIRST_PROCESS = `
dir=$1 name=$2
ip link set lo up
mount -t tmpfs -o size=1g tmpfs "$dir/data"
mkdir "$dir/data/overlay2"
mount -t tmpfs -o size=192m tmpfs "$dir/data/overlay2"
# Like a service manager: again when it ends by itself. Nobody collects a dead containerd here, so it would count as alive.
boot() {
  (
    for attempt in 1 2 3 4 5; do
      rm -f "$dir/docker.pid" "$dir/exec/containerd/containerd.pid"
      dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/docker.pid" -H "unix://$dir/docker.sock" \\
        --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "$name" --log-level warn \\
        </dev/null >>"$dir/dockerd.log" 2>&1
      [ $? -eq 137 ] && break
      sleep 0.5
    done
  ) &
  keeper=$!
}
daemon() { cat "$dir/docker.pid"; }
boot
while read -r order; do
  case $order in
    kill) kill -9 $(daemon); wait $keeper 2>/dev/null ;;
    freeze) kill -STOP $(daemon) ;;
    thaw) kill -CONT $(daemon) ;;
    boot) boot ;;
    fill) dd if=/dev/zero of="$dir/data/overlay2/filler" bs=64k 2>/dev/null ;;
    empty) rm -f "$dir/data/overlay2/filler" ;;
  esac
  echo "$order"
done
`;

/** Outlives the namespaces and leaves nothing behind them. */
const KEEPER = `
dir=$2 name=$3
unshare --net --mount --pid --fork --kill-child --mount-proc sh -c "$1" first "$dir" "$name"
find /sys/fs/cgroup -depth -type d -path "*/$name*" -exec rmdir {} + 2>/dev/null
rm -rf "$dir"
`;

/** How a container of a test image behaves. */
export type Behaviour =
  /** Says which version it is, then waits. */
  | "steady"
  /** Complains and exits with 7. */
  | "crash"
  /** Runs for a moment, then complains and exits with 7. */
  | "crash-later"
  /** Needs two seconds before it is ready, which its health check (where it has one) sees. */
  | "slow";

const PROGRAM = `#!/bin/sh
echo "version $VERSION, \${BEHAVIOUR:-steady}"
trap 'exit 0' TERM
rest() { sleep "$1" & wait $!; }
case $BEHAVIOUR in
  crash) echo "cannot reach the database" >&2; exit 7 ;;
  crash-later) rest 0.4; echo "lost the database" >&2; exit 7 ;;
  slow) rest 2 ;;
esac
touch /tmp/ready
echo ready
while :; do rest 3600; done
`;

/** A real Docker Swarm of one node, made for tests. */
export interface TestSwarm {
  readonly socket: string;
  /** As `DOCKER_HOST` wants it. */
  readonly host: string;
  /** What the docker CLI prints. Throws what it complains about. */
  docker(...args: readonly string[]): Promise<string>;
  /** Puts an image into the engine, without a registry. */
  image(
    reference: string,
    options?: {
      readonly behaviour?: Behaviour;
      /** `green` follows readiness, `never` fails always. */
      readonly health?: "green" | "never";
    },
  ): Promise<void>;
  /** Deploys a stack file as somebody at a keyboard would. */
  deployStack(stack: string, file: string): Promise<void>;
  /** Removes every service and waits until none of their containers is left. */
  clear(): Promise<void>;
  /** SIGKILL for dockerd; containers are what they are then. */
  kill(): Promise<void>;
  /** Starts dockerd again and waits until the Swarm answers. */
  boot(): Promise<void>;
  /** Keeps connections open and answers nothing until `thaw`. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Leaves no room for containers until `emptyDisk`. */
  fillDisk(): Promise<void>;
  emptyDisk(): Promise<void>;
  /** Id of the process whose namespaces it lives in. */
  readonly keeperPid: number;
  stop(): Promise<void>;
}

/** Starts a Swarm that nobody else sees. Resolves when services can be deployed to it. */
export async function startSwarm(): Promise<TestSwarm> {
  const dir = mkdtempSync(join(tmpdir(), "slipway-swarm-"));
  const name = basename(dir);
  await Promise.all(["data", "exec", "home", "root"].map((part) => mkdir(join(dir, part))));
  const keeper = spawn("sh", ["-c", KEEPER, "keeper", FIRST_PROCESS, dir, name], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH },
  });
  keeper.unref();
  const ended = once(keeper, "close");
  const socket = join(dir, "docker.sock");
  const host = `unix://${socket}`;
  let orders = Promise.resolve();
  let deploying: Promise<unknown> = Promise.resolve();
  const answers: (() => void)[] = [];
  keeper.stdout.on("data", (chunk: Buffer) => {
    const lines = chunk.toString("utf8").split("\n").length - 1;
    answers.splice(0, lines).forEach((resolve) => resolve());
  });

  const swarm: TestSwarm = {
    socket,
    host,
    keeperPid: keeper.pid ?? 0,
    docker,
    image,
    clear,
    kill: () => order("kill"),
    freeze: () => order("freeze"),
    thaw: () => order("thaw"),
    fillDisk: () => order("fill"),
    emptyDisk: () => order("empty"),
    async deployStack(stack, file) {
      const path = join(dir, "home", `${randomToken(8)}.yml`);
      await writeFile(path, file);
      // One after the other: several at once would all create the network of the stack.
      deploying = deploying.then(
        () => docker(...STACK_DEPLOY, path, stack),
        () => docker(...STACK_DEPLOY, path, stack),
      );
      await deploying;
    },
    async boot() {
      await order("boot");
      await answering("node", "ls");
    },
    async stop() {
      keeper.ref();
      keeper.stdin.end();
      await ended;
    },
  };
  try {
    await answering("version");
    await docker("swarm", "init", "--advertise-addr", "127.0.0.1");
    await fillRoot(join(dir, "root"));
  } catch (error) {
    await swarm.stop();
    throw error;
  }
  return swarm;

  async function docker(...args: readonly string[]): Promise<string> {
    const { stdout } = await run("docker", [...args], {
      env: { PATH, HOME: join(dir, "home"), DOCKER_HOST: host },
      maxBuffer: 64 * 1024 * 1024,
    });
    return stdout.trim();
  }

  async function answering(...args: readonly string[]): Promise<void> {
    await untilItWorks(() => docker(...args), { timeoutMs: 60_000, intervalMs: 100 });
  }

  /** One order after the other; resolves when it has been carried out. */
  function order(word: string): Promise<void> {
    orders = orders.then(
      () =>
        new Promise<void>((resolve) => {
          answers.push(resolve);
          keeper.stdin.write(`${word}\n`);
        }),
    );
    return orders;
  }

  async function image(
    reference: string,
    { behaviour = "steady", health }: Parameters<TestSwarm["image"]>[1] = {},
  ): Promise<void> {
    const check = health === "green" ? "test -e /tmp/ready" : "false";
    const changes = [
      'CMD ["/app"]',
      `ENV VERSION=${reference.split(":").at(-1) ?? ""} BEHAVIOUR=${behaviour}`,
      ...(health
        ? [
            `HEALTHCHECK --interval=300ms --timeout=2s --retries=${health === "green" ? 20 : 3} CMD ${check}`,
          ]
        : []),
    ];
    await docker(
      "import",
      ...changes.flatMap((change) => ["--change", change]),
      join(dir, "root.tar"),
      reference,
    );
  }

  async function fillRoot(root: string): Promise<void> {
    await Promise.all(["bin", "tmp", "etc"].map((part) => mkdir(join(root, part))));
    await copyFile(BUSYBOX ?? "", join(root, "bin", "busybox"));
    await chmod(join(root, "bin", "busybox"), 0o755);
    for (const applet of ["sh", "sleep", "echo", "cat", "true", "false", "test", "touch", "env"]) {
      await symlink("busybox", join(root, "bin", applet));
    }
    await writeFile(join(root, "app"), PROGRAM, { mode: 0o755 });
    await run("tar", ["-C", root, "-cf", join(dir, "root.tar"), "."]);
  }

  async function clear(): Promise<void> {
    const services = await docker("service", "ls", "--quiet");
    if (services !== "") {
      await docker("service", "rm", ...services.split("\n"));
    }
    await untilItWorks(
      async () => {
        // Force: what a test is done with need not say goodbye for ten seconds.
        const left = await docker("ps", "--quiet", "--all");
        if (left !== "") {
          await docker("rm", "--force", ...left.split("\n"));
          throw new Error("containers are left");
        }
      },
      { timeoutMs: 30_000, intervalMs: 100 },
    );
  }
}

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, [...args], { stdio: "ignore", env: { PATH, HOME: tmpdir() } });
    return true;
  } catch {
    return false;
  }
}
