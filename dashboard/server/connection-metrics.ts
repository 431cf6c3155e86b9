import { Gauge, type Registry } from "prom-client";
import type { LinkView } from "../../shared/contract/link.ts";
import type { ConnectionState } from "./routes/health.ts";

interface Measurement {
  readonly name: string;
  readonly help: string;
  /** Null when there is nothing to tell. */
  readonly read: (connection: ConnectionState) => number | null;
}

const MEASUREMENTS: readonly Measurement[] = [
  {
    name: "slipway_connection_up",
    help: "1 while the connection can be used, 0 while it cannot",
    read: ({ state }) => (state === "up" ? 1 : 0),
  },
  {
    name: "slipway_connection_since_timestamp_seconds",
    help: "Since when the connection is as it is",
    read: ofLink(({ since }) => toSeconds(since)),
  },
  {
    name: "slipway_connection_last_event_timestamp_seconds",
    help: "When anything last arrived, a sign of life included",
    read: ofLink(({ lastEventAt }) => (lastEventAt === null ? null : toSeconds(lastEventAt))),
  },
  {
    name: "slipway_connection_reconnects",
    help: "How often the connection was lost and found again since the process started",
    read: ofLink(({ reconnects }) => reconnects),
  },
  {
    name: "slipway_connection_acknowledgement_seconds",
    help: "How long the newest event waited for its acknowledgement",
    read: ofLink(({ acknowledgedInMs: ms }) => (ms === null ? null : ms / 1_000)),
  },
];

/** Tells a collector how every connection of this process is, as readiness does. Asked only when somebody collects. */
export function exposeConnections(
  registry: Registry,
  connections: () => Promise<readonly ConnectionState[]>,
): void {
  for (const { name, help, read } of MEASUREMENTS) {
    new Gauge({
      name,
      help,
      labelNames: ["connection"],
      registers: [registry],
      async collect() {
        this.reset();
        for (const connection of await connections()) {
          const value = read(connection);
          if (value !== null) {
            this.set({ connection: connection.name }, value);
          }
        }
      },
    });
  }
}

function ofLink(read: (link: LinkView) => number | null): Measurement["read"] {
  return ({ link }) => (link ? read(link) : null);
}

function toSeconds(timestamp: string): number {
  return Date.parse(timestamp) / 1_000;
}
