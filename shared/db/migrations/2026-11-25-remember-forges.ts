import { DataTypes } from "sequelize";
import type { Migration } from "./migration.ts";

/** What was told to forges, and what of them belongs to an item. */
export const rememberForges: Migration = {
  name: "2026-11-25-remember-forges",
  async up(schema, transaction) {
    await schema.addColumn(
      "release_items",
      "provider",
      { type: DataTypes.STRING, allowNull: true },
      { transaction },
    );
    await schema.addColumn(
      "release_items",
      "landed_head",
      { type: DataTypes.STRING, allowNull: true },
      { transaction },
    );
    // Until now nothing but the head itself was ever landed.
    await schema.sequelize.query("UPDATE release_items SET landed_head = landed_sha", {
      transaction,
    });
    await schema.createTable(
      "forge_reports",
      {
        id: { type: DataTypes.UUID, primaryKey: true, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        repository: { type: DataTypes.STRING, allowNull: false },
        sha: { type: DataTypes.STRING, allowNull: false },
        context: { type: DataTypes.STRING, allowNull: false },
        hash: { type: DataTypes.STRING, allowNull: false },
        refusal: { type: DataTypes.TEXT, allowNull: true },
        reported_at: { type: DataTypes.DATE, allowNull: false },
      },
      { transaction },
    );
    await schema.addIndex("forge_reports", {
      fields: ["repository", "sha", "kind", "context"],
      unique: true,
      transaction,
    });
    await schema.addIndex("forge_reports", {
      fields: ["reported_at"],
      unique: false,
      transaction,
    });
  },
};
