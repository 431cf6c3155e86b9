import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { RoomServices } from "../../../shared/app/services.ts";
import type { RoomChannel } from "../../../shared/contract/room.ts";
import { systemActor } from "../../../shared/core/actor.ts";
import { checkRoom } from "./check.ts";

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function serverSaying(status: number, body: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const ready = (state: string, detail: string | null = null) =>
  JSON.stringify({
    connections: [
      { name: "database", state: "up" },
      { name: "chat:room", state, detail },
    ],
  });

function check(serverUrl: string | null, announce: readonly string[] = ["releases"]) {
  const channels = ["general", "releases"].map((name) => ({ name, type: "public" }) as RoomChannel);
  return checkRoom({
    room: { channels: () => Promise.resolve(channels) } as unknown as RoomServices,
    systemActor,
    announce,
    serverUrl,
    signal: new AbortController().signal,
  });
}

describe(checkRoom.name, () => {
  it("is content with a server whose bot is in the room", async () => {
    const findings = await check(await serverSaying(200, ready("up")));

    expect(findings.map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);
  });

  it("finds a channel that is not there, and what was meant", async () => {
    const findings = await check(await serverSaying(200, ready("up")), ["relases", "zzz"]);

    expect(findings.filter(({ state }) => state === "problem")).toMatchObject([
      {
        what: expect.stringContaining("relases"),
        remedy: 'Did you mean "room:releases" in chat.announce?',
      },
      { remedy: expect.stringContaining("general, releases") },
    ]);
  });

  it.each<[string, number, string, RegExp, RegExp]>([
    [
      "a bot that is not connected",
      503,
      ready("down", "the queue is full"),
      /not in the room.*the queue is full/,
      /log/,
    ],
    ["another program", 200, '{"hello": 1}', /has no room/, /Check that it is this Slipway/],
    ["a page instead of an answer", 200, "<html>", /Nobody answers/, /slipway start/],
  ])("explains %s", async (_what, status, body, what, remedy) => {
    const findings = await check(await serverSaying(status, body));

    expect(findings.at(-1)).toEqual({
      state: "problem",
      what: expect.stringMatching(what),
      remedy: expect.stringMatching(remedy),
    });
  });

  it("says that no server runs, and how to start it", async () => {
    const url = await serverSaying(200, "");
    servers.splice(0).forEach((server) => server.close());

    expect((await check(url)).at(-1)).toMatchObject({
      state: "problem",
      what: expect.stringMatching(/Nobody answers at http:.*ECONNREFUSED/),
      remedy: expect.stringContaining("slipway start"),
    });
  });

  it("cannot ask a server on any free port, and says so", async () => {
    expect((await check(null)).at(-1)).toMatchObject({ state: "warning" });
  });
});
