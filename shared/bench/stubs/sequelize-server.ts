import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataTypes, Sequelize, Transaction } from "sequelize";
import sqlite3 from "sqlite3";
import { newId } from "../../lib/ids.ts";
import { createQueue } from "../../lib/queue.ts";
import { STUB_PRAGMAS, STUB_RELEASES, STUB_TABLES } from "./stub-tables.ts";
import { readStubCommand, stubAnswer } from "./stub-commands.ts";
import { serveStubRoom } from "./room-stub.ts";

/** Sequelize sets nothing by itself on the connections it opens. */
class TunedDatabase extends sqlite3.Database {
  constructor(file: string, mode: number, opened: (error: Error | null) => void) {
    super(file, mode, opened);
    this.exec(STUB_PRAGMAS);
  }
}

/** What the usual code does: the same socket and the same rows, by models, one managed transaction per command. */
const folder = mkdtempSync(join(tmpdir(), "slipway-bench-sequelize-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const sequelize = new Sequelize({
  dialect: "sqlite",
  storage: join(folder, "bench.db"),
  dialectModule: { ...sqlite3, Database: TunedDatabase },
  logging: false,
});
const options = { timestamps: false };
const Message = sequelize.define(
  "message",
  {
    id: { type: DataTypes.TEXT, primaryKey: true },
    channel: DataTypes.TEXT,
    author: DataTypes.TEXT,
    text: DataTypes.TEXT,
    at: DataTypes.TEXT,
  },
  options,
);
const Delivery = sequelize.define(
  "delivery",
  { id: { type: DataTypes.TEXT, primaryKey: true }, at: DataTypes.TEXT },
  options,
);
const Release = sequelize.define(
  "release",
  {
    number: { type: DataTypes.INTEGER, primaryKey: true },
    notes: DataTypes.TEXT,
    version: DataTypes.INTEGER,
  },
  options,
);
const Event = sequelize.define(
  "event",
  {
    seq: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
    id: DataTypes.TEXT,
    name: DataTypes.TEXT,
    payload: DataTypes.JSON,
    actor: DataTypes.TEXT,
    at: DataTypes.TEXT,
  },
  options,
);
for (const table of STUB_TABLES) {
  await sequelize.query(table);
}
await Release.bulkCreate(
  Array.from({ length: STUB_RELEASES }, (_, index) => ({
    number: index + 1,
    notes: "",
    version: 0,
  })),
);
const inTurn = createQueue();

await serveStubRoom(({ message, show, confirm }, room) => {
  const command = readStubCommand(message.text);
  const answer = command && room.answer(message, stubAnswer(command));
  const work = () =>
    sequelize.transaction({ type: Transaction.TYPES.IMMEDIATE }, async (transaction) => {
      await Message.create(toRow(message), { transaction });
      if (command && answer) {
        await Delivery.create({ id: message.id, at: message.createdAt }, { transaction });
        if (command.kind === "notes") {
          const { release, notes } = command;
          await Release.update(
            { notes, version: sequelize.literal("version + 1") },
            { where: { number: release }, transaction },
          );
          const payload = command;
          const at = message.createdAt;
          await Event.create(
            { id: newId(), name: "release.edited", payload, actor: "dana", at },
            { transaction },
          );
        }
        await Message.create(toRow(answer), { transaction });
      }
    });
  void inTurn(work).then(() => {
    confirm();
    show(message);
    if (answer) {
      show(answer);
    }
  });
});

function toRow(message: {
  id: string;
  channel: string;
  author: { subject: string };
  text: string;
  createdAt: string;
}) {
  const { id, channel, author, text, createdAt } = message;
  return { id, channel, author: author.subject, text, at: createdAt };
}
