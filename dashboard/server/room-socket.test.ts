import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { RoomServerFrame, type RoomClientFrame } from "../../shared/contract/room.ts";
import { attachSockets } from "./room-socket.ts";
import { buildMessage } from "./testing/fake-services.ts";
import { startTestServer, type TestServer } from "./testing/test-server.ts";

let server: TestServer;
const open: WebSocket[] = [];
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  open.splice(0).forEach((socket) => socket.terminate());
  await server.close();
});

interface RoomClient {
  readonly socket: WebSocket;
  send(frame: RoomClientFrame | string): void;
  /** The next frame of this type, skipping others. */
  next<T extends RoomServerFrame["type"]>(type: T): Promise<RoomServerFrame & { type: T }>;
  /** Frames received and not taken yet. */
  readonly pending: readonly RoomServerFrame[];
  readonly closed: Promise<number>;
}

function address(): string {
  return `${server.url.replace("http", "ws")}/room/socket`;
}

async function connect(
  headers: Record<string, string> = { authorization: "Bearer token-dana" },
): Promise<RoomClient> {
  const socket = new WebSocket(address(), { headers });
  open.push(socket);
  const pending: RoomServerFrame[] = [];
  socket.on("message", (data: Buffer) => {
    pending.push(RoomServerFrame.parse(JSON.parse(data.toString())));
  });
  const closed = once(socket, "close").then(([code]: unknown[]) => Number(code));
  await once(socket, "open");
  return {
    socket,
    pending,
    closed,
    send: (frame) => socket.send(typeof frame === "string" ? frame : JSON.stringify(frame)),
    async next(type) {
      for (;;) {
        const index = pending.findIndex((frame) => frame.type === type);
        if (index >= 0) {
          const [frame] = pending.splice(0, index + 1).slice(-1);
          return frame as RoomServerFrame & { type: typeof type };
        }
        await once(socket, "message");
      }
    },
  };
}

/** The status with which an upgrade is refused. */
async function refusal(headers: Record<string, string>, url = address()): Promise<number> {
  const socket = new WebSocket(url, { headers });
  socket.on("error", () => undefined);
  const [, response] = (await once(socket, "unexpected-response")) as [
    unknown,
    { statusCode: number },
  ];
  return response.statusCode;
}

async function greeted(
  headers?: Record<string, string>,
  after?: Record<string, number>,
): Promise<RoomClient> {
  const client = await connect(headers);
  client.send({ type: "hello", ...(after ? { after } : {}) });
  await client.next("welcome");
  return client;
}

const asQuinn = { authorization: "Bearer token-quinn" };

describe(attachSockets.name, () => {
  it.each([
    ["nobody", {}, 401],
    ["an unknown token", { authorization: "Bearer token-mallory" }, 401],
    ["a made-up cookie", { cookie: "slipway-1=s%3Aabc.def" }, 401],
    [
      "a page of another site",
      { origin: "https://evil.example", authorization: "Bearer token-dana" },
      403,
    ],
  ])("refuses %s", async (_who, headers, status) => {
    expect(await refusal(headers)).toBe(status);
    expect(server.sockets.clientCount).toBe(0);
  });

  it("refuses another path", async () => {
    expect(
      await refusal({ authorization: "Bearer token-dana" }, address().replace("socket", "other")),
    ).toBe(404);
  });

  it("takes a signed-in browser on our own page, and no page elsewhere with its cookie", async () => {
    const { browser } = await server.signIn("dana");
    const cookie = browser.cookieHeader(server.url);
    const client = await connect({ cookie, origin: server.url });
    client.send({ type: "hello" });
    expect((await client.next("welcome")).channels.map(({ name }) => name)).toEqual([
      "releases",
      "direct-dana",
    ]);
    expect(await refusal({ cookie, origin: "https://evil.example" })).toBe(403);
  });

  it("carries what somebody says to everybody, and confirms it", async () => {
    const dana = await greeted();
    const quinn = await greeted(asQuinn);
    dana.send({ type: "post", ref: "1", channel: "releases", text: "hello" });
    expect(await dana.next("ok")).toEqual({ type: "ok", ref: "1", messageId: "m1" });
    expect((await quinn.next("message")).message).toMatchObject({
      text: "hello",
      author: { username: "dana" },
    });
  });

  it("passes presses on", async () => {
    const dana = await greeted();
    dana.send({ type: "press", ref: "p", messageId: "m1", action: "approve" });
    expect(await dana.next("ok")).toEqual({ type: "ok", ref: "p", messageId: null });
    expect(server.state.presses).toEqual([{ subject: "dana", id: "m1", action: "approve" }]);
  });

  it("lets a token that may only read, only read", async () => {
    const reader = await greeted({ authorization: "Bearer reader-dana" });
    reader.send({ type: "post", ref: "1", channel: "releases", text: "@slipway approve 12" });
    expect(await reader.next("error")).toMatchObject({ code: "permission.denied", ref: "1" });
    reader.send({ type: "press", ref: "2", messageId: "m1", action: "approve" });
    expect(await reader.next("error")).toMatchObject({ code: "permission.denied", ref: "2" });
    expect(server.state.messages).toEqual([]);
    expect(server.state.presses).toEqual([]);
  });

  it("tells nobody what is for one person, or in somebody else's direct channel", async () => {
    const dana = await greeted();
    const quinn = await greeted(asQuinn);
    const secret = buildMessage({ id: "secret", ephemeral: true });
    server.state.notify({ type: "message", message: secret, visibleTo: "dana" });
    server.state.notify({
      type: "message",
      message: buildMessage({ id: "direct", channel: "direct-dana" }),
      visibleTo: null,
    });
    server.state.notify({ type: "removed", id: "secret", channel: "direct-dana" });
    server.state.notify({
      type: "edited",
      message: buildMessage({ id: "public" }),
      visibleTo: null,
    });
    expect((await dana.next("message")).message.id).toBe("secret");
    expect((await dana.next("message")).message.id).toBe("direct");
    expect((await quinn.next("edited")).message.id).toBe("public");
    expect(quinn.pending).toEqual([]);
  });

  it("replays what was missed, and what was edited meanwhile, once and in order", async () => {
    server.state.messages.push(
      buildMessage({ seq: 1 }),
      buildMessage({ seq: 2, editedAt: "2026-11-25T12:05:00.000Z" }),
      buildMessage({ seq: 3, threadId: "m1" }),
      buildMessage({ seq: 4 }),
    );
    const dana = await connect();
    dana.send({ type: "hello", after: { releases: 2 } });
    await dana.next("welcome");
    expect((await dana.next("edited")).message.seq).toBe(2);
    expect((await dana.next("message")).message.seq).toBe(3);
    expect((await dana.next("message")).message.seq).toBe(4);
    dana.send({ type: "ping" });
    await dana.next("pong");
    expect(dana.pending).toEqual([]);
  });

  it.each([
    ["nonsense", "{", "input.invalid"],
    ["an unknown frame", '{"type":"dance"}', "input.invalid"],
    ["an empty text", '{"type":"post","ref":"r","channel":"releases","text":""}', "input.invalid"],
    [
      "a channel that is not theirs",
      '{"type":"post","ref":"r","channel":"direct-quinn","text":"x"}',
      "room_channel.not_found",
    ],
  ])("answers %s with words and stays connected", async (_what, frame, code) => {
    const dana = await greeted();
    dana.send(frame);
    expect(await dana.next("error")).toMatchObject({ code });
    dana.send({ type: "ping" });
    await dana.next("pong");
  });

  it("limits how much one connection asks for", async () => {
    const own = await startTestServer({
      settings: { rateLimit: { perSecond: 2, signInsPerMinute: 60 } },
    });
    const before = server;
    server = own;
    const dana = await greeted();
    for (let count = 0; count < 6; count += 1) {
      dana.send({ type: "post", ref: `${count}`, channel: "releases", text: "hello" });
    }
    const refused = await dana.next("error");
    expect(refused).toMatchObject({ code: "rate.limited", ref: "3" });
    expect(own.state.messages).toHaveLength(3);
    await before.close();
  });

  it("hangs up on a frame that is too large", async () => {
    const dana = await greeted();
    dana.send("x".repeat(1_000_001));
    expect(await dana.closed).toBe(1009);
  });

  it("hangs up on people who lose access, within a minute", async () => {
    const vic = await greeted({ authorization: "Bearer token-vic" });
    server.state.inactive.add("vic");
    await server.clock.advance(20_000);
    expect(await vic.closed).toBe(1008);
  });

  it("refuses what somebody does who lost access a moment ago", async () => {
    const vic = await greeted({ authorization: "Bearer token-vic" });
    server.state.inactive.add("vic");
    await server.clock.advance(6_000);
    vic.send({ type: "post", ref: "1", channel: "releases", text: "hello" });
    expect(await vic.next("error")).toMatchObject({ code: "person.inactive" });
    expect(await vic.closed).toBe(1008);
    expect(server.state.messages).toEqual([]);
  });

  it("ends with the browser's session", async () => {
    const { browser } = await server.signIn("dana");
    const client = await greeted({ cookie: browser.cookieHeader(server.url), origin: server.url });
    await browser.submit(`${server.url}/auth/logout`, {});
    await server.clock.advance(20_000);
    expect(await client.closed).toBe(1008);
  });

  it("lets go of a peer that does not answer any more", async () => {
    const dana = await connect();
    dana.socket.pong = () => undefined;
    // The library answers pings by itself; a socket that stopped reading cannot.
    dana.socket.pause();
    await server.clock.advance(20_000);
    await server.clock.advance(20_000);
    expect(server.sockets.clientCount).toBe(0);
  });

  it("cuts off a client that does not listen", async () => {
    const slow = await greeted();
    slow.socket.pause();
    const text = "x".repeat(1_000_000);
    for (let count = 0; count < 40; count += 1) {
      server.state.notify({
        type: "message",
        message: buildMessage({ seq: count + 1, text }),
        visibleTo: null,
      });
    }
    slow.socket.resume();
    expect(await slow.closed).toBe(1006);
    expect(server.logged).toContainEqual(
      expect.objectContaining({ msg: "slow room client cut off" }),
    );
  });

  it("keeps what one person says in order, without waiting for each", async () => {
    const dana = await greeted();
    const quinn = await greeted(asQuinn);
    const texts = Array.from({ length: 50 }, (_, index) => `message ${index}`);
    texts.forEach((text, index) =>
      dana.send({ type: "post", ref: `${index}`, channel: "releases", text }),
    );
    for (const text of texts) {
      expect((await quinn.next("message")).message.text).toBe(text);
    }
  });

  it("says goodbye when the process stops", async () => {
    const dana = await greeted();
    const closing = server.sockets.close();
    expect(await dana.closed).toBe(1001);
    await closing;
    expect(server.sockets.clientCount).toBe(0);
  });

  it("refuses changes while the process stops", async () => {
    const dana = await greeted();
    await server.drainer.drain(0);
    dana.send({ type: "post", ref: "1", channel: "releases", text: "hello" });
    expect(await dana.next("error")).toMatchObject({ code: "service.restarting", ref: "1" });
  });
});
