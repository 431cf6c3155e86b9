import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sqlite3 from "sqlite3";
import { STUB_PRAGMAS } from "./stub-tables.ts";

/** The lower bound of many clicks at once: a bare server, and one row that only the first of them gets. */
const folder = mkdtempSync(join(tmpdir(), "slipway-bench-clicks-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const database = new sqlite3.Database(join(folder, "bench.db"));
database.serialize();
database.exec(`${STUB_PRAGMAS}; CREATE TABLE sign_offs (key TEXT PRIMARY KEY, at TEXT NOT NULL)`);

const server = createServer((request, response) => {
  request.resume();
  request.on("end", () => {
    const sql = "INSERT OR IGNORE INTO sign_offs VALUES (?, ?)";
    database.run(sql, [request.url, new Date().toISOString()], (error: Error | null) => {
      response.writeHead(error ? 500 : 200, { "content-type": "application/json" });
      response.end("{}");
    });
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.once("disconnect", () => process.exit(0));
process.send?.({ port: (server.address() as AddressInfo).port });
