import { z } from "zod";
import { SshFailed } from "./endpoints.ts";

/** Why a request to one manager came to nothing. */
export interface Fault {
  /**
   * `unreachable`: nothing was said. `lost`: it went away in the middle; what was asked may have happened. `not_manager`: it
   * answers, but cannot speak for a Swarm. `conflict`: somebody changed the service since it was read.
   */
  readonly kind:
    "unreachable" | "lost" | "timeout" | "not_manager" | "conflict" | "not_found" | "rejected";
  /** Half a sentence. */
  readonly why: string;
  readonly remedy: string;
}

const Thrown = z.object({
  code: z.string().optional(),
  statusCode: z.number().optional(),
  message: z.string().optional(),
  json: z.object({ message: z.string() }).optional().catch(undefined),
});

const OUT_OF_SEQUENCE = /update out of sequence/i;
const NOT_MANAGER = /not a swarm manager|not part of a swarm/i;
const LOCKED = /swarm is encrypted|needs to be unlocked/i;
const NO_LEADER = /does not have a leader|DeadlineExceeded|context deadline exceeded/i;
const DISK = /no space left on device/i;

/** Sorts whatever dockerode, Node or ssh threw. */
export function toFault(error: unknown, host: string): Fault {
  if (error instanceof SshFailed) {
    return sshFault(error.message, host);
  }
  if (error instanceof z.ZodError) {
    return malformed(host);
  }
  const parsed = Thrown.safeParse(error);
  const { code, statusCode, message = String(error), json } = parsed.data ?? {};
  return statusCode === undefined
    ? connectionFault(code ?? "", message, host)
    : answerFault(statusCode, json?.message ?? message);
}

function malformed(host: string): Fault {
  return {
    kind: "rejected",
    why: `what answers at ${host} does not speak as a Docker engine does`,
    remedy: "Look at what listens there; a proxy in front of the engine may have answered instead.",
  };
}

function connectionFault(code: string, message: string, host: string): Fault {
  const path = host.startsWith("unix://") ? host.slice("unix://".length) : undefined;
  switch (code) {
    case "ENOENT":
      return unreachable(
        `there is no socket at ${path ?? host}`,
        "Start Docker on that machine, mount its socket into Slipway's container, or correct target.host.",
      );
    case "EACCES":
    case "EPERM":
      return unreachable(
        `Slipway may not open ${path ?? host} (permission denied)`,
        "Add the user Slipway runs as to the group that owns the socket, usually docker, and start Slipway again.",
      );
    case "ECONNREFUSED":
      return unreachable(
        `nobody listens at ${path ?? host}`,
        "Start Docker on that machine (systemctl start docker), or correct target.host.",
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return unreachable(
        `${host} cannot be reached (${code})`,
        "Check the name in target.host and the network between Slipway and that machine.",
      );
    case "ECONNRESET":
    case "EPIPE":
    case "ECONNABORTED":
      return {
        kind: "lost",
        why: `the connection to ${host} broke off`,
        remedy: "Look whether Docker runs on that machine (systemctl status docker).",
      };
    default:
      return /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|EPROTO)/.test(code)
        ? unreachable(
            `${host} and Slipway do not trust each other (${code})`,
            "Compare target.tls with the certificates of the engine: ca must have signed its certificate, and its own ca must have signed cert.",
          )
        : { kind: "lost", why: `${host}: ${firstLine(message)}`, remedy: "Try again in a moment." };
  }
}

function sshFault(complaint: string, host: string): Fault {
  const why = `ssh to ${host} failed: ${lastLine(complaint)}`;
  if (/host key verification failed|authenticity of host/i.test(complaint)) {
    return unreachable(
      why,
      "Compare the host's key, then add it to known_hosts of the user Slipway runs as (ssh-keyscan).",
    );
  }
  if (/permission denied/i.test(complaint)) {
    return unreachable(
      why,
      "Give the user Slipway runs as a key that this host accepts, and that user there the right to use Docker.",
    );
  }
  return unreachable(
    why,
    "Try it by hand, as the user Slipway runs as: ssh <host> docker version.",
  );
}

function answerFault(status: number, said: string): Fault {
  const why = firstLine(said);
  if (status === 404) {
    return { kind: "not_found", why, remedy: "Look at docker service ls." };
  }
  if (OUT_OF_SEQUENCE.test(said)) {
    return { kind: "conflict", why, remedy: "Try again." };
  }
  if (NOT_MANAGER.test(said)) {
    return {
      kind: "not_manager",
      why: "it is not a manager of a Swarm",
      remedy:
        "Name a manager in target.host, make this one a manager (docker node promote), or start a Swarm (docker swarm init).",
    };
  }
  if (LOCKED.test(said)) {
    return {
      kind: "not_manager",
      why: "its Swarm is locked",
      remedy: "Unlock it on that machine: docker swarm unlock.",
    };
  }
  if (NO_LEADER.test(said)) {
    return {
      kind: "not_manager",
      why: "its Swarm has no leader",
      remedy: "Bring back enough managers for a majority, then look at docker node ls.",
    };
  }
  if (DISK.test(said)) {
    return {
      kind: "rejected",
      why: "its disk is full",
      remedy: "Make room on that machine: docker system df shows what takes it.",
    };
  }
  return { kind: "rejected", why, remedy: "Look at the log of Docker on that machine." };
}

function unreachable(why: string, remedy: string): Fault {
  return { kind: "unreachable", why, remedy };
}

const SHOWN_CHARACTERS = 300;

function firstLine(text: string): string {
  return shown(text.trim().split("\n")[0] ?? "");
}

function lastLine(text: string): string {
  return shown(text.trim().split("\n").at(-1) ?? "");
}

function shown(line: string): string {
  return line
    .replace(/\p{Cc}/gu, " ")
    .trim()
    .replace(/\.$/, "")
    .slice(0, SHOWN_CHARACTERS);
}
