import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";

/**
 * Places where programs that Slipway runs wait, so that a test decides exactly what is going on when it pulls the plug. `git`
 * waits at `land-<repository>` when it is about to move a branch.
 */
export interface Gates {
  /** Where `bin/` is, whose programs come before those of the machine. */
  readonly directory: string;
  /** Environment of the server: its programs go through gates. */
  readonly env: Readonly<Record<string, string>>;
  /** Puts a program of the shell into `bin/`, which goes through a gate with `gate <name>`. */
  script(name: string, lines: string): void;
  hold(gate: string): void;
  /** Takes the gate away: whatever waits there goes on. */
  open(gate: string): void;
  openAll(): void;
  /** The processes that wait at a gate. */
  waiting(gate: string): readonly number[];
  /** Resolves with the process that waits at a gate. */
  arrival(gate: string): Promise<number>;
  /** Lets exactly the process go on that waits at a gate, or arrives there next; or this one of several. */
  pass(gate: string, pid?: number): Promise<void>;
}

const BEGINNING = (root: string) => `#!/bin/sh
root=${root}
gate() {
  while [ -e "$root/gates/$1" ] && [ ! -e "$root/go/$1.$$" ]; do
    [ -e "$root/at/$1.$$" ] || : >"$root/at/$1.$$"
    sleep 0.02
  done
  rm -f "$root/at/$1.$$"
}
`;
const GIT = (real: string) => `
case " $* " in
*" update-ref "*)
  for word in "$@"; do
    case "$word" in
    --git-dir=*)
      repository=\${word#--git-dir=}
      gate "land-$(basename "\${repository%/.git}")"
      ;;
    esac
  done
  ;;
esac
exec ${real} "$@"
`;

/** Makes them below a folder of this machine; every one is open. */
export function createGates(directory: string): Gates {
  for (const folder of ["bin", "gates", "at", "go"]) {
    mkdirSync(join(directory, folder), { recursive: true });
  }
  script("git", GIT(findProgram("git")));
  return {
    directory,
    env: { PATH: `${join(directory, "bin")}:${process.env["PATH"] ?? ""}` },
    script,
    hold: (gate) => writeFileSync(join(directory, "gates", gate), ""),
    open: (gate) => rmSync(join(directory, "gates", gate), { force: true }),
    openAll,
    waiting,
    arrival,
    pass,
  };

  function script(name: string, lines: string): void {
    writeFileSync(join(directory, "bin", name), `${BEGINNING(directory)}${lines}`);
    chmodSync(join(directory, "bin", name), 0o755);
  }

  async function pass(gate: string, one?: number): Promise<void> {
    const pid = one ?? (await arrival(gate));
    writeFileSync(join(directory, "go", `${gate}.${String(pid)}`), "");
    await vi.waitFor(
      () => {
        if (existsSync(join(directory, "at", `${gate}.${String(pid)}`))) {
          throw new Error(`The process at ${gate} does not go on.`);
        }
      },
      { timeout: 20_000, interval: 10 },
    );
  }

  function openAll(): void {
    for (const gate of readdirSync(join(directory, "gates"))) {
      rmSync(join(directory, "gates", gate));
    }
  }

  function waiting(gate: string): readonly number[] {
    return readdirSync(join(directory, "at"))
      .filter((name) => name.startsWith(`${gate}.`))
      .map((name) => Number(name.slice(gate.length + 1)))
      .filter((pid) => isAlive(pid) && !existsSync(join(directory, "go", `${gate}.${pid}`)));
  }

  function arrival(gate: string): Promise<number> {
    return vi.waitFor(
      () => {
        const [found] = waiting(gate);
        if (found === undefined) {
          throw new Error(`Nothing waits at ${gate}.`);
        }
        return found;
      },
      { timeout: 20_000, interval: 10 },
    );
  }
}

/** Where the machine has a program. */
export function findProgram(name: string): string {
  const found = (process.env["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined) {
    throw new Error(`There is no ${name} on this machine.`);
  }
  return found;
}

/** Dead processes that nobody has collected yet still answer to signals; where /proc tells, they do not count. */
function isAlive(pid: number): boolean {
  const stat = `/proc/${String(pid)}/stat`;
  try {
    process.kill(pid, 0);
    return !existsSync(stat) || !/\) [ZX] /.test(readFileSync(stat, "utf8"));
  } catch {
    return false;
  }
}
