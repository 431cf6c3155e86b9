import pg from "pg";
import type { RoomMessage } from "../../contract/room.ts";
import { newId } from "../../lib/ids.ts";
import { serveStubRoom } from "./room-stub.ts";
import { readStubCommand, stubAnswer, type StubCommand } from "./stub-commands.ts";
import { STUB_RELEASES, STUB_TABLES } from "./stub-tables.ts";

/**
 * The lower bound on PostgreSQL: the same socket and the same rows, written by the driver alone, one transaction per command,
 * as many at a time as Slipway has connections.
 */
const CONNECTIONS = 10;
const pool = new pg.Pool({ connectionString: process.argv[2], max: CONNECTIONS });
for (const table of STUB_TABLES) {
  await pool.query(table.replace("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGSERIAL PRIMARY KEY"));
}
await pool.query(
  `INSERT INTO releases SELECT i, '', 0 FROM generate_series(1, ${STUB_RELEASES}) i`,
);

await serveStubRoom(({ message, show, confirm }, room) => {
  const command = readStubCommand(message.text);
  const answer = command && room.answer(message, stubAnswer(command));
  void write(message, command, answer).then(() => {
    confirm();
    show(message);
    if (answer) {
      show(answer);
    }
  });
});

async function write(
  message: RoomMessage,
  command: StubCommand | undefined,
  answer: RoomMessage | undefined,
): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await store(client, message);
    if (command && answer) {
      await client.query("INSERT INTO deliveries VALUES ($1, $2)", [message.id, message.createdAt]);
      if (command.kind === "notes") {
        const change = "UPDATE releases SET notes = $1, version = version + 1 WHERE number = $2";
        const fact =
          "INSERT INTO events (id, name, payload, actor, at) VALUES ($1, $2, $3, $4, $5)";
        const payload = JSON.stringify(command);
        await client.query(change, [command.notes, command.release]);
        await client.query(fact, [newId(), "release.edited", payload, "dana", message.createdAt]);
      }
      await store(client, answer);
    }
    await client.query("COMMIT");
  } finally {
    client.release();
  }
}

function store(
  client: pg.PoolClient,
  { id, channel, author, text, createdAt }: RoomMessage,
): Promise<unknown> {
  const values = [id, channel, author.subject, text, createdAt];
  return client.query("INSERT INTO messages VALUES ($1, $2, $3, $4, $5)", values);
}
