import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UpstreamTimeout } from "../../../errors/catalog.ts";
import { startProcess } from "../../../testing/child-process.ts";
import { createManualClock } from "../../../testing/clock.ts";
import { desiredState } from "../../../testing/deploy-target-contract.ts";
import { createCommandTarget } from "./index.ts";
import { CommandOptions } from "./options.ts";
import { readStat } from "./process-table.ts";

const PROCESS = "shared/integrations/deploy/command/testing/apply-process.ts";
const PATH = process.env["PATH"] ?? "/usr/bin:/bin";

/** Works until nobody holds it any more, then runs the wanted version, unless it is told to break. */
const HELD = `#!/bin/sh
echo "$SLIPWAY_VERSION" >> started
echo $$ > pid
while [ -e hold ]; do sleep 0.02; done
[ ! -e break ] || { rm break; exit 1; }
echo "$SLIPWAY_VERSION" > running
`;
/** The same, but by another program that takes the place of the first. */
const REPLACED = `#!/bin/sh
cp held.sh other.sh
exec ./other.sh
`;
/** Succeeds, and leaves services: in its own group, as leader of a session, and having lost its parent. */
const LEAVING = `#!/bin/sh
echo "$SLIPWAY_VERSION" >> started
sleep 600 & echo $! >> services
setsid sh -c 'echo $$ >> services; exec sleep 600' &
( setsid setsid sh -c 'echo $$ >> services; exec sleep 600' & )
while [ "$(wc -l < services)" -lt 3 ]; do sleep 0.02; done
`;
const CURRENT = `#!/bin/sh
[ ! -e running ] || cat running
`;

describe.runIf(process.platform === "linux")(
  "a command that outlived the process that started it",
  { timeout: 60_000 },
  () => {
    let folder: string;
    const calm = new AbortController().signal;

    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "slipway-leftover-"));
      const scripts = {
        "held.sh": HELD,
        "replaced.sh": REPLACED,
        "leaving.sh": LEAVING,
        "current.sh": CURRENT,
      };
      for (const [name, text] of Object.entries(scripts)) {
        writeFileSync(join(folder, name), text);
        chmodSync(join(folder, name), 0o755);
      }
      writeFileSync(join(folder, "hold"), "");
    });
    afterEach(() => {
      for (const pid of [...linesOf("services"), ...linesOf("pid")].map(Number)) {
        if (isLiving(pid)) {
          process.kill(pid, "SIGKILL");
        }
      }
      rmSync(folder, { recursive: true, force: true });
    });

    function optionsFor(script: string, more: Record<string, unknown> = {}) {
      return {
        apply: [`./${script}`],
        restart: ["sh", "-c", "echo restart >> started"],
        migrate: ["sh", "-c", "echo migrate >> started"],
        observe: ["./current.sh"],
        ...more,
      };
    }

    function makeTarget(more: Record<string, unknown> = {}, environment = "prod") {
      return createCommandTarget(CommandOptions.parse(optionsFor("held.sh", more)), {
        environment,
        baseDir: folder,
        processEnvironment: { PATH },
        secrets: [],
        clock: createManualClock(),
      });
    }

    function linesOf(name: string): readonly string[] {
      const file = join(folder, name);
      return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
    }

    /** Kills a process of ours in the middle of an apply. */
    async function leaveBehind(script = "held.sh"): Promise<number> {
      const owner = startProcess(PROCESS, [folder, JSON.stringify(optionsFor(script)), PATH]);
      await Promise.race([owner.ended, until(() => linesOf("pid").length > 0)]);
      owner.child.kill("SIGKILL");
      expect(await owner.ended).toEqual({ code: "SIGKILL", stderr: "" });
      const pid = Number(linesOf("pid")[0]);
      expect(isLiving(pid)).toBe(true);
      return pid;
    }

    /** A log that lets the leftover go on, after `before`, when it hears that somebody waits for it. */
    function releasing(lines: string[], before: () => void = () => undefined) {
      return {
        signal: calm,
        log(line: string) {
          lines.push(line);
          if (line.endsWith("Waiting for it.")) {
            before();
            rmSync(join(folder, "hold"));
          }
        },
      };
    }

    const waitingFor = (pid: number) => [
      `An earlier run of the command for billing is still working (process ${pid}). Waiting for it.`,
      "The earlier run has ended.",
    ];

    it.each(["held.sh", "replaced.sh"])("is waited for, and not run again (%s)", async (script) => {
      const pid = await leaveBehind(script);
      const lines: string[] = [];
      const result = await makeTarget().apply(desiredState("billing", "1.0.0"), releasing(lines));
      expect(result).toEqual({ outcome: "unchanged" });
      expect(lines).toEqual(waitingFor(pid));
      expect(linesOf("started")).toEqual(["1.0.0"]);
    });

    it("is waited for, and run again when it came to nothing", async () => {
      const pid = await leaveBehind();
      const lines: string[] = [];
      const run = releasing(lines, () => writeFileSync(join(folder, "break"), ""));
      const result = await makeTarget().apply(desiredState("billing", "1.0.0"), run);
      expect(result).toEqual({ outcome: "applied" });
      expect(lines).toEqual(waitingFor(pid));
      expect(linesOf("started")).toEqual(["1.0.0", "1.0.0"]);
    });

    it("is waited for before another version is applied", async () => {
      await leaveBehind();
      const result = await makeTarget().apply(desiredState("billing", "2.0.0"), releasing([]));
      expect(result).toEqual({ outcome: "applied" });
      expect(linesOf("started")).toEqual(["1.0.0", "2.0.0"]);
      expect(linesOf("running")).toEqual(["2.0.0"]);
    });

    it("is waited for before a restart and a migration", async () => {
      const pid = await leaveBehind();
      const target = makeTarget();
      const lines: string[] = [];
      await target.restart?.("billing", releasing(lines));
      await target.migrate?.(desiredState("billing", "1.0.0"), releasing(lines));
      expect(lines).toEqual(waitingFor(pid));
      expect(linesOf("started")).toEqual(["1.0.0", "restart", "migrate"]);
    });

    it("makes its service count as progressing until it ends", async () => {
      const pid = await leaveBehind();
      writeFileSync(join(folder, "running"), "0.9.0\n");
      const target = makeTarget();
      expect(await target.observe(["auth", "billing"], calm)).toMatchObject([
        { health: "healthy", detail: null },
        {
          version: "0.9.0",
          health: "progressing",
          detail: `An earlier run of the command for billing is still working (process ${pid}).`,
        },
      ]);
      rmSync(join(folder, "hold"));
      await until(() => !isLiving(pid));
      expect(await target.observe(["billing"], calm)).toMatchObject([
        { version: "1.0.0", health: "healthy", detail: null },
      ]);
    });

    it("is left alone by whoever stops waiting, and nothing is started", async () => {
      const pid = await leaveBehind();
      const cancel = new AbortController();
      const applying = makeTarget().apply(desiredState("billing", "1.0.0"), {
        signal: cancel.signal,
        log: () => cancel.abort(new Error("cancelled by olivia")),
      });
      await expect(applying).rejects.toThrow("cancelled by olivia");
      expect(isLiving(pid)).toBe(true);
      expect(linesOf("started")).toEqual(["1.0.0"]);
    });

    it("is not waited for longer than a command may take, and people are told which process it is", async () => {
      const pid = await leaveBehind();
      const target = makeTarget({ timeout: "300ms" });
      const applying = target.apply(desiredState("billing", "1.0.0"), {
        signal: calm,
        log: () => undefined,
      });
      await expect(applying).rejects.toBeInstanceOf(UpstreamTimeout);
      await expect(applying).rejects.toMatchObject({
        remedy: expect.stringContaining(`process ${pid}`) as unknown,
      });
      expect(linesOf("started")).toEqual(["1.0.0"]);
    });

    it.each([
      ["another service", "auth", "prod"],
      ["another environment", "billing", "preprod"],
    ])("does not hold up %s", async (_what, service, environment) => {
      await leaveBehind();
      const target = makeTarget({ apply: ["true"], observe: ["true"] }, environment);
      const lines: string[] = [];
      const result = await target.apply(desiredState(service, "1.0.0"), {
        signal: calm,
        log: (line) => lines.push(line),
      });
      expect({ result, lines }).toEqual({ result: { outcome: "applied" }, lines: [] });
    });

    it("is not mistaken for the services that a successful apply left running", async () => {
      const owner = startProcess(PROCESS, [folder, JSON.stringify(optionsFor("leaving.sh")), PATH]);
      await owner.line((line) => line === "applied");
      await owner.ended;
      const services = linesOf("services").map(Number);
      expect(services.map(isLiving)).toEqual([true, true, true]);
      expect(services.map((pid) => readStat(String(pid))?.group === pid)).toContain(true);

      const lines: string[] = [];
      const target = makeTarget({ apply: ["true"] });
      const result = await target.apply(desiredState("billing", "2.0.0"), {
        signal: calm,
        log: (line) => lines.push(line),
      });
      expect({ result, lines }).toEqual({ result: { outcome: "applied" }, lines: [] });
      expect(services.map(isLiving)).toEqual([true, true, true]);
    });

    it("is not mistaken for a process that only claims the same mark", async () => {
      const pid = await leaveBehind();
      const environ = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      const inherited = Object.fromEntries(
        environ
          .filter((entry) => entry.startsWith("SLIPWAY_RUN"))
          .map((entry) => [
            entry.slice(0, entry.indexOf("=")),
            entry.slice(entry.indexOf("=") + 1),
          ]),
      );
      expect(Object.keys(inherited).sort()).toEqual(["SLIPWAY_RUN", "SLIPWAY_RUN_LEADER"]);
      process.kill(pid, "SIGKILL");
      await until(() => !isLiving(pid));
      const service = spawn("sleep", ["600"], {
        detached: true,
        env: { PATH, ...inherited },
        stdio: "ignore",
      });
      await once(service, "spawn");
      writeFileSync(join(folder, "services"), `${service.pid}\n`);
      expect(await makeTarget().observe(["billing"], calm)).toMatchObject([{ health: "absent" }]);
    });
  },
);

function isLiving(pid: number): boolean {
  return readStat(String(pid))?.isLiving ?? false;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
