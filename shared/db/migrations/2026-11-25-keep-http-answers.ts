import { DataTypes } from "sequelize";
import type { Migration } from "./migration.ts";

/** Answers of remote systems, so that a restart need not ask for everything again. */
export const keepHttpAnswers: Migration = {
  name: "2026-11-25-keep-http-answers",
  async up(schema, transaction) {
    await schema.createTable(
      "http_answers",
      {
        key: { type: DataTypes.STRING, primaryKey: true, allowNull: false },
        etag: { type: DataTypes.STRING, allowNull: true },
        value: { type: DataTypes.TEXT, allowNull: false },
        size: { type: DataTypes.INTEGER, allowNull: false },
        used_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    // With the size in it, adding up what there is reads no values.
    await schema.addIndex("http_answers", {
      fields: ["used_at", "size"],
      unique: false,
      transaction,
    });
  },
};
