import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import http from "node:http";
import https from "node:https";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import Docker from "dockerode";

/** One manager, as `DOCKER_HOST` would name it. */
export interface Endpoint {
  /** `unix:///…`, `tcp://host:port` or `ssh://user@host`, checked by the options. */
  readonly host: string;
  /** Turns `tcp://` into TLS. PEM texts. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
}

export interface ConnectDeps {
  /** For `ssh://`: what the ssh program gets of our environment (PATH, HOME, SSH_AUTH_SOCK). */
  readonly sshEnvironment: Readonly<Record<string, string>>;
  /** The ssh program. */
  readonly ssh: string;
}

/**
 * Connects dockerode to one manager. Everything is said explicitly: left to itself, it would read `DOCKER_HOST` and
 * `DOCKER_CERT_PATH` of our own environment.
 */
export function connect({ host, tls }: Endpoint, deps: ConnectDeps): Docker {
  const nothing = {
    host: undefined,
    port: undefined,
    socketPath: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
    pathPrefix: "/",
  };
  if (host.startsWith("unix://")) {
    return make({
      ...nothing,
      protocol: "http",
      socketPath: host.slice("unix://".length),
      agent: new http.Agent({ keepAlive: false }),
    });
  }
  const url = new URL(host);
  const hostname = url.hostname.replace(/^\[|\]$/g, "");
  if (url.protocol === "ssh:") {
    return make({ ...nothing, protocol: "http", host: "docker", agent: sshAgent(url, deps) });
  }
  return tls
    ? make({
        ...nothing,
        ...tls,
        protocol: "https",
        host: hostname,
        port: url.port,
        agent: new https.Agent({ keepAlive: false }),
      })
    : make({
        ...nothing,
        protocol: "http",
        host: hostname,
        port: url.port,
        agent: new http.Agent({ keepAlive: false }),
      });
}

function make(options: Readonly<Record<string, unknown>>): Docker {
  return new Docker(options);
}

/**
 * Both directions of a program as one stream. Why it ended is known when it has, not when its pipes break, which is a moment
 * earlier: until then neither end nor error is passed on.
 */
function duplexOf(child: ChildProcessWithoutNullStreams): Duplex {
  let complaint = "";
  let isHeard = false;
  const stream = new Duplex({
    read: () => child.stdout.resume(),
    write: (chunk: Buffer, _encoding, done) =>
      child.stdin.write(chunk, (error) => {
        if (!error) {
          done();
        }
      }),
    final: (done) => child.stdin.end(() => done()),
    destroy(error, done) {
      child.kill();
      done(error);
    },
  });
  child.stdin.on("error", () => undefined);
  child.stdout.on("data", (chunk: Buffer) => {
    isHeard = true;
    if (!stream.push(chunk)) {
      child.stdout.pause();
    }
  });
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk.toString("utf8")).slice(-COMPLAINT_CHARACTERS);
  });
  child.once("error", (error) => stream.destroy(new SshFailed(error.message)));
  child.once("close", (code) => {
    if (code === 0 || isHeard) {
      stream.push(null);
    } else {
      stream.destroy(new SshFailed(complaint.trim() || `ssh ended with ${code ?? "a signal"}`));
    }
  });
  return stream;
}

/** Ssh ended before anything was said over it. */
export class SshFailed extends Error {
  readonly code = "SSH_FAILED";
}

/** Kept of what ssh complains about. */
const COMPLAINT_CHARACTERS = 2_000;

/**
 * Speaks HTTP through the machine's own ssh program, as the docker program does: known hosts, keys, agents and jump hosts
 * are those of its configuration, and a host that nobody vouches for is refused. It never asks a question.
 */
function sshAgent(url: URL, { ssh, sshEnvironment }: ConnectDeps): http.Agent {
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 2 });
  const args = [
    ...["-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-T"],
    ...(url.username ? ["-l", decodeURIComponent(url.username)] : []),
    ...(url.port ? ["-p", url.port] : []),
    "--",
    url.hostname.replace(/^\[|\]$/g, ""),
    ..."docker system dial-stdio".split(" "),
  ];
  return Object.assign(agent, {
    createConnection: () => {
      const child = spawn(ssh, args, {
        env: { ...sshEnvironment },
        stdio: ["pipe", "pipe", "pipe"],
      });
      const stream = duplexOf(child);
      // What an agent does to sockets it keeps; a process has no time-outs.
      return Object.assign(stream, {
        setKeepAlive: () => stream,
        setNoDelay: () => stream,
        setTimeout: () => stream,
        ref: () => hold(child, "ref"),
        unref: () => hold(child, "unref"),
      });
    },
  });
}

/** Whether our process stays alive for the sake of a connection that nobody uses. */
function hold(child: ChildProcess, how: "ref" | "unref"): void {
  child[how]();
  for (const pipe of child.stdio) {
    if (pipe instanceof Socket) {
      pipe[how]();
    }
  }
}
