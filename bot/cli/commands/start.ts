import { z } from "zod";
import { defineCliCommand } from "../command.ts";

const PORT_WRONG = "--port takes a number from 1 to 65535, or 0 for any free port.";

export const start = defineCliCommand({
  name: "start",
  summary: "run the server until it is stopped",
  description: `Runs chat, dashboard and background work in this process until Ctrl+C or SIGTERM. Work that runs is finished or checkpointed; a deployment that was cut off continues at the next start.

Without a configuration file it brings up the embedded default: sample people and sample repositories, on this machine only.`,
  options: [
    { flags: "--services <list>", summary: "parts to run: chat,web,worker; all by default" },
    { flags: "--port <port>", summary: "port to listen on; counts more than the configuration" },
  ],
  examples: [
    { line: "slipway start", does: "with ./config.yaml, or the sample workspace without one" },
    { line: "slipway start --config /etc/slipway.yaml", does: "with that configuration" },
    { line: "slipway start --port 9000", does: "on another port" },
  ],
  exitCodes: {
    ok: "It was asked to stop, and stopped.",
    problem: "It could not start; what is wrong and what to do is printed.",
  },
  input: z.object({
    services: z.string().trim().min(1, "--services takes a list such as chat,web.").optional(),
    port: z
      .string()
      .regex(/^\d{1,5}$/, PORT_WRONG)
      .refine((port) => Number(port) <= 65_535, PORT_WRONG)
      .optional(),
  }),
  async run({ environment, cwd, configFile }, { services, port }) {
    const { runServer } = await import("../../services/run-server.ts");
    await runServer({
      args: services === undefined ? [] : [`--services=${services}`],
      environment: {
        ...environment,
        ...(configFile === undefined ? {} : { SLIPWAY_CONFIG: configFile }),
        ...(port === undefined ? {} : { SLIPWAY_PORT: port }),
      },
      cwd,
    });
  },
});
