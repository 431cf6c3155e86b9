import { DataTypes } from "sequelize";
import type { Migration } from "./migration.ts";

/** Private links by which people in a chat say who they are, and what their accounts were called then. */
export const askForLinks: Migration = {
  name: "2026-11-25-ask-for-links",
  async up(schema, transaction) {
    await schema.createTable(
      "link_requests",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        hash: { type: DataTypes.STRING(64), allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        workspace: { type: DataTypes.STRING, allowNull: false },
        user_id: { type: DataTypes.STRING, allowNull: false },
        display_name: { type: DataTypes.STRING, allowNull: false },
        requested_at: { type: DataTypes.DATE, allowNull: false },
        expires_at: { type: DataTypes.DATE, allowNull: false },
        used_at: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
    await schema.addIndex("link_requests", { fields: ["hash"], unique: true, transaction });
    await schema.addIndex("link_requests", {
      fields: ["platform", "workspace", "user_id"],
      transaction,
    });
    await schema.addColumn(
      "accounts",
      "display_name",
      { type: DataTypes.STRING, allowNull: true },
      { transaction },
    );
  },
};
