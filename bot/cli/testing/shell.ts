import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { runCommandLine } from "../run-command-line.ts";

/** How a command-line ended and what it said. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder in which commands are run in this process, as a person at a shell would. */
export interface Shell {
  readonly folder: string;
  readonly data: string;
  run(...args: string[]): Promise<Ended>;
  /** The same for a terminal. */
  runOnTerminal(environment: Readonly<Record<string, string>>, ...args: string[]): Promise<Ended>;
  dispose(): void;
}

export function createShell(): Shell {
  const folder = mkdtempSync(join(tmpdir(), "slipway-shell-"));
  const data = join(folder, "data");
  return {
    folder,
    data,
    run: (...args) => run(args, {}, false),
    runOnTerminal: (environment, ...args) => run(args, environment, true),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };

  async function run(
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
    isTTY: boolean,
  ): Promise<Ended> {
    const stdout = Object.assign(new PassThrough(), { isTTY });
    const stderr = Object.assign(new PassThrough(), { isTTY });
    const code = await runCommandLine({
      args,
      environment: {
        PATH: process.env["PATH"] ?? "",
        SLIPWAY_DATA: data,
        SLIPWAY_PORT: "0",
        ...environment,
      },
      cwd: folder,
      stdout,
      stderr,
      signal: new AbortController().signal,
    });
    stdout.end();
    stderr.end();
    return { code, stdout: await textOf(stdout), stderr: await textOf(stderr) };
  }
}

async function textOf(stream: PassThrough): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}
