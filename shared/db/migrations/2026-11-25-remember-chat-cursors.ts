import { DataTypes } from "sequelize";
import type { Migration } from "./migration.ts";

export const rememberChatCursors: Migration = {
  name: "2026-11-25-remember-chat-cursors",
  async up(schema, transaction) {
    await schema.createTable(
      "chat_cursors",
      {
        platform: { type: DataTypes.STRING(60), primaryKey: true, allowNull: false },
        channel_id: { type: DataTypes.STRING(200), primaryKey: true, allowNull: false },
        message_id: { type: DataTypes.STRING(200), allowNull: false },
        sent_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
  },
};
