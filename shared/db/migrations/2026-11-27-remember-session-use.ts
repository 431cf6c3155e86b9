import { DataTypes } from "sequelize";
import type { Migration } from "./migration.ts";

/** When and from where a session was last used, so that a person recognises their own. Unknown of those that are there already. */
export const rememberSessionUse: Migration = {
  name: "2026-11-27-remember-session-use",
  async up(schema, transaction) {
    const columns = {
      last_used_at: { type: DataTypes.DATE, allowNull: true },
      ip: { type: DataTypes.STRING, allowNull: true },
      user_agent: { type: DataTypes.STRING(300), allowNull: true },
    };
    for (const [name, column] of Object.entries(columns)) {
      await schema.addColumn("sessions", name, column, { transaction });
    }
  },
};
