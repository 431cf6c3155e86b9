import { DataTypes } from "sequelize";
import type { Migration } from "./migration.ts";

/** What several processes on one database need to agree: leases, the inbox of chat, the order of the room, common keys. */
export const shareWorkBetweenProcesses: Migration = {
  name: "2026-11-25-share-work-between-processes",
  async up(schema, transaction) {
    await schema.createTable(
      "leases",
      {
        name: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        owner: { type: DataTypes.STRING, allowNull: false },
        until: { type: DataTypes.DATE, allowNull: false },
        token: { type: DataTypes.INTEGER, allowNull: false },
      },
      { transaction },
    );
    await schema.createTable(
      "common_settings",
      {
        name: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        value: { type: DataTypes.STRING, allowNull: false },
      },
      { transaction },
    );
    await schema.createTable(
      "chat_inbox",
      {
        seq: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        id: { type: DataTypes.UUID, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        payload: { type: DataTypes.JSON, allowNull: false },
        answer: { type: DataTypes.JSON, allowNull: true },
        left_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("chat_inbox", { fields: ["id"], unique: true, transaction });
    await schema.addIndex("chat_inbox", { fields: ["left_at"], unique: false, transaction });
    await schema.addColumn(
      "chat_deliveries",
      "taken_by",
      { type: DataTypes.STRING, allowNull: true },
      { transaction },
    );
    await schema.addColumn(
      "chat_deliveries",
      "done_at",
      { type: DataTypes.DATE, allowNull: true },
      { transaction },
    );
    // Whatever was taken so far counts as dealt with: nobody wants last week's commands repeated.
    await schema.sequelize.query("UPDATE chat_deliveries SET done_at = received_at", {
      transaction,
    });
    await schema.addColumn(
      "room_messages",
      "change",
      { type: DataTypes.INTEGER, allowNull: true },
      { transaction },
    );
    await schema.addIndex("room_messages", { fields: ["change"], unique: false, transaction });
  },
};
