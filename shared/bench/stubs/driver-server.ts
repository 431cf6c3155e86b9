import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sqlite3 from "sqlite3";
import type { RoomMessage } from "../../contract/room.ts";
import { newId } from "../../lib/ids.ts";
import { createQueue } from "../../lib/queue.ts";
import { STUB_PRAGMAS, STUB_RELEASES, STUB_TABLES } from "./stub-tables.ts";
import { readStubCommand, stubAnswer, type StubCommand } from "./stub-commands.ts";
import { serveStubRoom } from "./room-stub.ts";

/** The lower bound: the same socket and the same rows, written by the driver alone, one transaction per command. */
const folder = mkdtempSync(join(tmpdir(), "slipway-bench-driver-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const database = new sqlite3.Database(join(folder, "bench.db"));
database.serialize();
const inTurn = createQueue();
await exec([STUB_PRAGMAS, ...STUB_TABLES].join(";"));
await exec(
  `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${STUB_RELEASES})
   INSERT INTO releases SELECT i, '', 0 FROM n`,
);
const insertMessage = database.prepare("INSERT INTO messages VALUES (?, ?, ?, ?, ?)");
const insertDelivery = database.prepare("INSERT INTO deliveries VALUES (?, ?)");
const updateRelease = database.prepare(
  "UPDATE releases SET notes = ?, version = version + 1 WHERE number = ?",
);
const insertEvent = database.prepare(
  "INSERT INTO events (id, name, payload, actor, at) VALUES (?, ?, ?, ?, ?)",
);

await serveStubRoom(({ message, show, confirm }, room) => {
  const command = readStubCommand(message.text);
  const answer = command && room.answer(message, stubAnswer(command));
  void inTurn(() => write(message, command, answer)).then(() => {
    confirm();
    show(message);
    if (answer) {
      show(answer);
    }
  });
});

function write(
  message: RoomMessage,
  command: StubCommand | undefined,
  answer: RoomMessage | undefined,
): Promise<void> {
  // The connection keeps the order, so only the commit is waited for.
  database.run("BEGIN IMMEDIATE");
  store(message);
  if (command && answer) {
    insertDelivery.run(message.id, message.createdAt);
    if (command.kind === "notes") {
      updateRelease.run(command.notes, command.release);
      const payload = JSON.stringify(command);
      insertEvent.run(newId(), "release.edited", payload, "dana", message.createdAt);
    }
    store(answer);
  }
  return exec("COMMIT");
}

function store({ id, channel, author, text, createdAt }: RoomMessage): void {
  insertMessage.run(id, channel, author.subject, text, createdAt);
}

function exec(sql: string): Promise<void> {
  return new Promise((done, fail) => {
    database.exec(sql, (error) => (error ? fail(error) : done()));
  });
}
