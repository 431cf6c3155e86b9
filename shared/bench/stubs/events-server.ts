import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The lower bound of live updates: a list of open answers, and one write to each. */
const streams = new Set<ServerResponse>();
let seq = 0;
const server = createServer((request, response) => {
  if (request.url === "/api/v1/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("retry: 2000\n\n");
    streams.add(response);
    response.on("close", () => streams.delete(response));
    return;
  }
  request.resume();
  request.on("end", () => {
    seq += 1;
    const event = {
      seq,
      event: "release.edited",
      subject: { kind: "release", id: "1" },
      related: [],
      at: new Date().toISOString(),
    };
    const frame = `id: ${seq}\ndata: ${JSON.stringify(event)}\n\n`;
    streams.forEach((stream) => stream.write(frame));
    response.writeHead(200, { "content-type": "application/json" });
    response.end("{}");
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.once("disconnect", () => process.exit(0));
process.send?.({ port: (server.address() as AddressInfo).port });
