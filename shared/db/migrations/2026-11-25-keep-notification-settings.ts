import { DataTypes } from "sequelize";
import type { Migration } from "./migration.ts";

export const keepNotificationSettings: Migration = {
  name: "2026-11-25-keep-notification-settings",
  async up(schema, transaction) {
    await schema.createTable(
      "notification_settings",
      {
        subject: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        digest: { type: DataTypes.STRING(20), allowNull: false },
        digest_at: { type: DataTypes.STRING(5), allowNull: false },
        time_zone: { type: DataTypes.STRING(100), allowNull: false },
        direct: { type: DataTypes.BOOLEAN, allowNull: false },
        platform: { type: DataTypes.STRING(60), allowNull: true },
        muted_until: { type: DataTypes.DATE, allowNull: true },
      },
      { transaction },
    );
  },
};
