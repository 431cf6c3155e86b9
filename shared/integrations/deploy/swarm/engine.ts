import type Docker from "dockerode";
import type { z } from "zod";
import { AppError } from "../../../errors/app-error.ts";
import { UpstreamRejected, UpstreamTimeout, UpstreamUnavailable } from "../../../errors/catalog.ts";
import { startDeadline, untilAborted } from "../../../lib/deadline.ts";
import type { Timers } from "../../../lib/scheduler.ts";
import { connect, type ConnectDeps, type Endpoint } from "./endpoints.ts";
import { toFault, type Fault } from "./faults.ts";
import {
  ContainerAnswer,
  EventLine,
  ImageAnswer,
  InfoAnswer,
  NodesAnswer,
  ServiceAnswer,
  ServicesAnswer,
  TasksAnswer,
  type ContainerFacts,
  type SwarmEvent,
  type SwarmNode,
  type SwarmService,
  type SwarmTask,
} from "./swarm-state.ts";

/** The Engine API of a Swarm, as far as it is used here. Throws UpstreamUnavailable, UpstreamTimeout and UpstreamRejected. */
export interface Engine {
  /** The service of exactly this name or id; undefined when there is none. */
  service(nameOrId: string, signal: AbortSignal): Promise<SwarmService | undefined>;
  /** Services with all of these labels (`key=value`). */
  services(labels: readonly string[], signal: AbortSignal): Promise<readonly SwarmService[]>;
  /** Every task of these services Swarm still remembers, in no order. */
  tasks(serviceIds: readonly string[], signal: AbortSignal): Promise<readonly SwarmTask[]>;
  /** Ids of the tasks that are as the services' specs say now. */
  upToDate(serviceIds: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>>;
  nodes(signal: AbortSignal): Promise<readonly SwarmNode[]>;
  /** Any other read, answered in the caller's words; undefined when there is no such thing. */
  look<T extends z.ZodType>(
    operation: string,
    signal: AbortSignal,
    answer: T,
    call: (docker: Docker, signal: AbortSignal) => Promise<unknown>,
  ): Promise<z.output<T> | undefined>;
  /** A manager that answers now, for another program to talk to. */
  manager(signal: AbortSignal): Promise<Endpoint>;
  /** What time the manager thinks it is: what it wrote can only be compared with that. */
  time(signal: AbortSignal): Promise<Date>;
  /** Whether the image has a HEALTHCHECK; undefined when this engine does not have the image. */
  imageHasHealthcheck(image: string, signal: AbortSignal): Promise<boolean | undefined>;
  /** What the engine knows of a container; undefined when it is on another node, or gone. */
  container(id: string, signal: AbortSignal): Promise<ContainerFacts | undefined>;
  /** Last output of a task as the API gives it; see `readLog`. */
  taskLog(id: string, lines: number, signal: AbortSignal): Promise<Buffer>;
  /** Replaces the spec, unless the service is not in this version any more: then `"conflict"`. */
  update(
    id: string,
    version: number,
    spec: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<"updated" | "conflict">;
  remove(id: string, signal: AbortSignal): Promise<void>;
  /**
   * Tells what happens until the stream ends, which it does without a reason now and then. What was missed is never told:
   * whoever listens must look by themselves, too.
   */
  events(onEvent: (event: SwarmEvent) => void, signal: AbortSignal): Promise<void>;
}

export interface EngineDeps extends ConnectDeps {
  /** Managers in the order they are preferred; at least one. */
  readonly endpoints: readonly Endpoint[];
  /** What it is called in errors. */
  readonly system: string;
  readonly timers: Timers;
  /** For one request to one manager. */
  readonly requestTimeoutMs?: number;
}

/** Long enough for a manager that has to ask a leader far away, short enough that a second one can be asked, too. */
const REQUEST_TIMEOUT_MS = 6_000;

/** Nobody says more than this in one event. */
const LONGEST_EVENT = 1024 * 1024;

const EVENT_FILTERS = JSON.stringify({
  type: ["service", "node", "container"],
  // Not `exec_*`: every health check runs one.
  event: ["create", "update", "remove", "start", "die", "oom", "health_status"],
});

/** Thrown inside only; what leaves is an AppError. */
class RequestFailed extends Error {
  readonly fault: Fault;
  readonly host: string;
  constructor(fault: Fault, host: string, cause: unknown) {
    super(fault.why, { cause });
    this.fault = fault;
    this.host = host;
  }
}

/**
 * Talks to the first manager that can speak for the Swarm and stays with it as long as it can. A request that may have had
 * an effect is never repeated at another one.
 */
export function createEngine(deps: EngineDeps): Engine {
  const { endpoints, system, timers, requestTimeoutMs = REQUEST_TIMEOUT_MS } = deps;
  const managers = endpoints.map((endpoint) => ({
    host: endpoint.host,
    docker: connect(endpoint, deps),
  }));
  let preferred = 0;

  return {
    async service(nameOrId, signal) {
      const found = await optional(
        ask(`service ${nameOrId}`, signal, ServiceAnswer, (docker, abortSignal) =>
          docker.getService(nameOrId).inspect({ abortSignal }),
        ),
      );
      // The engine also takes the beginning of an id for a name.
      return found?.name === nameOrId || found?.id === nameOrId ? found : undefined;
    },
    services: (label, signal) =>
      ask("list of services", signal, ServicesAnswer, (docker, abortSignal) =>
        docker.listServices({ filters: JSON.stringify({ label }), abortSignal }),
      ),
    tasks: (service, signal) => listTasks({ service }, signal),
    async upToDate(service, signal) {
      // Undocumented, and what the docker program itself has asked since 2017.
      const tasks = await listTasks({ service, "_up-to-date": ["true"] }, signal);
      return new Set(tasks.map(({ id }) => id));
    },
    nodes: (signal) =>
      ask("list of nodes", signal, NodesAnswer, (docker, abortSignal) =>
        docker.listNodes({ abortSignal }),
      ),
    look: (operation, signal, answer, call) => optional(ask(operation, signal, answer, call)),
    async manager(signal) {
      await ask("info", signal, InfoAnswer, (docker, abortSignal) =>
        untyped<"info">(docker).info({ abortSignal }),
      );
      const found = endpoints[preferred];
      if (!found) {
        throw new Error("there is no manager to ask");
      }
      return found;
    },
    time: (signal) =>
      ask("info", signal, InfoAnswer, (docker, abortSignal) =>
        untyped<"info">(docker).info({ abortSignal }),
      ),
    imageHasHealthcheck: (image, signal) =>
      optional(
        ask(`image ${image}`, signal, ImageAnswer, (docker, abortSignal) =>
          untyped<"inspect">(docker.getImage(image)).inspect({ abortSignal }),
        ),
      ),
    container: (id, signal) =>
      optional(
        ask("container", signal, ContainerAnswer, (docker, abortSignal) =>
          docker.getContainer(id).inspect({ abortSignal }),
        ),
      ),
    taskLog: (id, tail, signal) =>
      read("log", signal, async (docker, abortSignal) => {
        const options = { stdout: true, stderr: true, tail, abortSignal };
        return asBuffer(await untyped<"logs">(docker.getTask(id)).logs(options));
      }),
    update,
    remove: (id, signal) =>
      request("remove", signal, "may-change", async (docker, abortSignal) => {
        await docker.getService(id).remove({ abortSignal });
      }).catch((error: unknown) => {
        if (!isNotFound(error)) {
          throw publicError(error, "remove", signal);
        }
      }),
    events,
  };

  function listTasks(filters: Readonly<Record<string, readonly string[]>>, signal: AbortSignal) {
    if (filters["service"]?.length === 0) {
      // An empty filter is none.
      return Promise.resolve([]);
    }
    return ask("list of tasks", signal, TasksAnswer, (docker, abortSignal) =>
      docker.listTasks({ filters: JSON.stringify(filters), abortSignal }),
    );
  }

  async function update(
    id: string,
    version: number,
    spec: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<"updated" | "conflict"> {
    try {
      await request("update", signal, "may-change", (docker, abortSignal) =>
        // Two arguments: with one, dockerode sends the spec as credentials. `_query` and `_body`: without them it writes the
        // whole spec, passwords in it too, into the URL.
        untyped<"update">(docker.getService(id)).update(undefined, {
          _query: { version, registryAuthFrom: "spec" },
          _body: spec,
          abortSignal,
        }),
      );
      return "updated";
    } catch (error) {
      if (error instanceof RequestFailed && error.fault.kind === "conflict") {
        return "conflict";
      }
      throw publicError(error, "update", signal);
    }
  }

  async function events(onEvent: (event: SwarmEvent) => void, signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    try {
      // Its own signal: the time limit of a request must not end what never ends.
      const stream = await read("events", signal, (docker) =>
        docker.getEvents({ filters: EVENT_FILTERS, abortSignal: both }),
      );
      let rest = "";
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        const lines = (rest + chunk.toString("utf8")).split("\n");
        rest = lines.pop() ?? "";
        lines.filter((line) => line.trim() !== "").forEach((line) => tell(line));
        if (rest.length > LONGEST_EVENT) {
          return;
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof AppError) {
        throw error;
      }
      // It broke off: the same as an end.
    } finally {
      ended.abort();
    }

    function tell(line: string): void {
      const event = EventLine.safeParse(parseJson(line));
      if (event.success) {
        onEvent(event.data);
      }
    }
  }

  /** A read whose answer is checked. */
  function ask<T extends z.ZodType>(
    operation: string,
    signal: AbortSignal,
    answer: T,
    call: (docker: Docker, signal: AbortSignal) => Promise<unknown>,
  ): Promise<z.output<T>> {
    return read(operation, signal, async (docker, abortSignal) =>
      answer.parse(await call(docker, abortSignal)),
    );
  }

  async function read<T>(
    operation: string,
    signal: AbortSignal,
    call: (docker: Docker, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      return await request(operation, signal, "reads", call);
    } catch (error) {
      throw publicError(error, operation, signal);
    }
  }

  async function optional<T>(asked: Promise<T>): Promise<T | undefined> {
    try {
      return await asked;
    } catch (error) {
      if (isNotFound(error instanceof Error ? error.cause : undefined)) {
        return undefined;
      }
      throw error;
    }
  }

  /** Asks one manager after the other, the preferred one first, as long as asking again cannot do harm. */
  async function request<T>(
    operation: string,
    signal: AbortSignal,
    effect: "reads" | "may-change",
    call: (docker: Docker, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const failures: RequestFailed[] = [];
    for (let tried = 0; tried < managers.length; tried += 1) {
      const index = (preferred + tried) % managers.length;
      const manager = managers[index];
      if (!manager) {
        break;
      }
      try {
        const result = await inTime(manager, signal, call);
        preferred = index;
        return result;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof RequestFailed)) {
          throw error;
        }
        failures.push(error);
        if (!mayAskAnother(error.fault, effect)) {
          break;
        }
      }
    }
    if (failures.length > 1) {
      // Each says what is wrong with itself; the first is the one that was meant.
      const [first] = failures;
      if (first && failures.every(({ fault }) => fault.kind !== "rejected")) {
        const why = failures.map(({ fault, host }) => `${host}: ${fault.why}`).join("; ");
        throw new RequestFailed({ ...first.fault, why }, first.host, first);
      }
    }
    throw failures.at(-1) ?? new Error(`${operation}: there is no manager to ask`);
  }

  async function inTime<T>(
    { host, docker }: { readonly host: string; readonly docker: Docker },
    signal: AbortSignal,
    call: (docker: Docker, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    const deadline = startDeadline(timers, requestTimeoutMs, [signal]);
    try {
      // Not only by its signal: dockerode never settles when a connection breaks off within an answer.
      return await untilAborted(call(docker, deadline.signal), deadline.signal);
    } catch (error) {
      if (deadline.isOver) {
        throw new RequestFailed(
          {
            kind: "timeout",
            why: `${host} did not answer within ${requestTimeoutMs / 1000} s`,
            remedy: "Look whether Docker works on that machine: docker node ls.",
          },
          host,
          error,
        );
      }
      throw new RequestFailed(toFault(error, host), host, error);
    } finally {
      deadline.end();
    }
  }

  function publicError(error: unknown, operation: string, signal: AbortSignal): unknown {
    if (!(error instanceof RequestFailed) || signal.aborted) {
      return error;
    }
    const { kind, why, remedy } = error.fault;
    const options = { remedy, cause: error };
    switch (kind) {
      case "timeout":
        return new UpstreamTimeout({ system, operation, timeoutMs: requestTimeoutMs }, options);
      case "unreachable":
      case "lost":
      case "not_manager":
        return new UpstreamUnavailable({ system, operation, why }, options);
      case "conflict":
      case "not_found":
      case "rejected":
        return new UpstreamRejected({ system, operation, why }, options);
    }
  }
}

function mayAskAnother({ kind }: Fault, effect: "reads" | "may-change"): boolean {
  switch (kind) {
    case "unreachable":
    case "not_manager":
      return true;
    case "lost":
    case "timeout":
      return effect === "reads";
    case "conflict":
    case "not_found":
    case "rejected":
      return false;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof RequestFailed && error.fault.kind === "not_found";
}

/** The same with one method as it is; its types know neither this signal nor every form. */
function untyped<Method extends string>(
  part: object,
): Readonly<Record<Method, (...args: readonly unknown[]) => Promise<unknown>>> {
  return part as Readonly<Record<Method, (...args: readonly unknown[]) => Promise<unknown>>>;
}

function asBuffer(answer: unknown): Buffer {
  if (Buffer.isBuffer(answer)) {
    return answer;
  }
  // An output that happens to be JSON was parsed; nothing at all is an empty text.
  return Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer ?? ""));
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // not an event
  }
}
