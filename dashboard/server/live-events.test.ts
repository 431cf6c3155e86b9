import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LiveEvent } from "../../shared/contract/live.ts";
import { createLiveEvents } from "./live-events.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";

let server: TestServer;
const open: IncomingMessage[] = [];
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  open.splice(0).forEach((response) => response.destroy());
  await server.close();
});

/** A client of `/events`, with what it has received so far. */
interface Listener {
  readonly response: IncomingMessage;
  /** Waits until this many events came. */
  events(count: number): Promise<readonly LiveEvent[]>;
  /** Waits until the raw text contains something. */
  text(part: string): Promise<string>;
}

async function listen(
  path = "/events",
  headers: Record<string, string> = { authorization: "Bearer token-dana" },
): Promise<Listener> {
  const request = get(`${server.url}/api/v1${path}`, { headers, agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  open.push(response);
  let received = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    received += chunk;
  });
  const until = async <T>(found: () => T | undefined): Promise<T> => {
    for (;;) {
      const value = found();
      if (value !== undefined) {
        return value;
      }
      await once(response, "data");
    }
  };
  return {
    response,
    events: (count) =>
      until(() => {
        const events = [...received.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) =>
          LiveEvent.parse(JSON.parse(data)),
        );
        return events.length >= count ? events : undefined;
      }),
    text: (part) => until(() => (received.includes(part) ? received : undefined)),
  };
}

function happen(id: string): void {
  server.state.announce({
    event: "release.edited",
    subject: { kind: "release", id },
    related: [],
  });
}

const idsOf = (events: readonly LiveEvent[]) => events.map(({ subject }) => subject.id);

describe(createLiveEvents.name, () => {
  it("tells everybody what happens, through one subscription", async () => {
    const listeners = await Promise.all([listen(), listen(), listen()]);
    await Promise.all(listeners.map((listener) => listener.text("id: 0")));
    happen("12");
    for (const listener of listeners) {
      expect(idsOf(await listener.events(1))).toEqual(["12"]);
    }
    expect(server.state.subscriptions).toBe(1);
    expect(listeners[0]?.response.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(listeners[0]?.response.headers["content-encoding"]).toBeUndefined();
  });

  it("begins with now, and says so, so that nothing is missed when it is resumed", async () => {
    happen("1");
    const listener = await listen();
    expect(await listener.text("id: 1\n\n")).not.toContain("data:");
    happen("2");
    expect(idsOf(await listener.events(1))).toEqual(["2"]);
  });

  it.each([
    ["Last-Event-ID", "/events", { "last-event-id": "1" }],
    ["after", "/events?after=1", {}],
  ])("resumes from %s with what happened before anybody listened", async (_how, path, headers) => {
    ["1", "2", "3"].forEach(happen);
    const listener = await listen(path, { authorization: "Bearer token-dana", ...headers });
    expect(idsOf(await listener.events(2))).toEqual(["2", "3"]);
    happen("4");
    expect(idsOf(await listener.events(3))).toEqual(["2", "3", "4"]);
  });

  it("resumes from what it remembers, without asking again", async () => {
    const first = await listen();
    await first.text("id: 0");
    ["1", "2", "3"].forEach(happen);
    await first.events(3);
    const second = await listen("/events?after=1");
    expect(idsOf(await second.events(2))).toEqual(["2", "3"]);
    expect(server.state.subscriptions).toBe(1);
  });

  it("does not wait for events that cannot come, when it is asked for a future one", async () => {
    happen("1");
    const listener = await listen("/events?after=77");
    await listener.text("id: 1");
    happen("2");
    expect(idsOf(await listener.events(1))).toEqual(["2"]);
  });

  it("shows that it is alive", async () => {
    const listener = await listen();
    await listener.text("id: 0");
    await server.clock.advance(15_000);
    await listener.text(": still here");
  });

  it("ends when the person loses access", async () => {
    const { browser } = await server.signIn("vic");
    const listener = await listen("/events", { cookie: browser.cookieHeader(server.url) });
    await listener.text("id: 0");
    server.state.inactive.add("vic");
    const ended = once(listener.response, "end");
    await server.clock.advance(30_000);
    await ended;
  });

  it("ends when the session does", async () => {
    const { browser } = await server.signIn("dana");
    const listener = await listen("/events", { cookie: browser.cookieHeader(server.url) });
    await listener.text("id: 0");
    await server.services.sessions.destroyAll({ subject: "dana" });
    const ended = once(listener.response, "end");
    await server.clock.advance(30_000);
    await ended;
  });

  it("cuts off a client that does not listen, and lets it resume", async () => {
    const slow = await listen();
    await slow.text("id: 0");
    slow.response.pause();
    slow.response.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => {
      slow.response.on("close", () => resolve());
    });
    const long = "x".repeat(100_000);
    for (let count = 0; count < 400; count += 1) {
      happen(long);
    }
    // The rest of what was buffered can only be read after the server hung up.
    await new Promise((resolve) => setImmediate(resolve));
    slow.response.resume();
    await closed;
    expect(server.logged).toContainEqual(
      expect.objectContaining({ msg: "slow live client cut off" }),
    );
  });

  it("lets go of everybody when the process stops", async () => {
    const listener = await listen();
    await listener.text("id: 0");
    const ended = once(listener.response, "end");
    listener.response.resume();
    await server.close();
    await ended;
    server = await startTestServer();
  });
});
