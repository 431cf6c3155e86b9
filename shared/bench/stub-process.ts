import { fork } from "node:child_process";
import { once } from "node:events";
import { inProject } from "./paths.ts";

export interface StubProcess {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts one of the servers in `stubs/` as its own process, so that it has a core of its own like ours. */
export async function startStub(name: string, ...args: string[]): Promise<StubProcess> {
  const child = fork(inProject(`shared/bench/stubs/${name}-server.ts`), args, {
    execArgv: ["--import", "tsx"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const told: unknown = await Promise.race([
    once(child, "message").then(([message]: unknown[]) => message),
    ended.then(() => undefined),
  ]);
  if (typeof told !== "object" || told === null || !("port" in told)) {
    throw new Error(`the ${name} server did not start`);
  }
  return {
    url: `ws://127.0.0.1:${String(told.port)}`,
    async stop() {
      child.disconnect();
      await ended;
    },
  };
}
