import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";
import type { RoomCard } from "../../contract/card.ts";

/** A message of the embedded room. */
export class RoomMessageRow extends Model<
  InferAttributes<RoomMessageRow>,
  InferCreationAttributes<RoomMessageRow>
> {
  declare seq: CreationOptional<number>;
  declare id: string;
  declare channel: string;
  declare threadId: CreationOptional<string | null>;
  declare authorSubject: string;
  declare authorUsername: string;
  declare authorName: string;
  declare bot: boolean;
  declare text: string;
  declare card: RoomCard | null;
  /** Subject of the only reader of an ephemeral message. */
  declare visibleTo: CreationOptional<string | null>;
  declare createdAt: Date;
  declare editedAt: CreationOptional<Date | null>;
  /** Grows with every message and every edit, in the order of commits. Null where only one process tells of them. */
  declare change: CreationOptional<number | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    RoomMessageRow.init(
      {
        seq: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        id: { type: DataTypes.UUID, allowNull: false },
        channel: { type: DataTypes.STRING, allowNull: false },
        threadId: { type: DataTypes.UUID, allowNull: true },
        authorSubject: { type: DataTypes.STRING, allowNull: false },
        authorUsername: { type: DataTypes.STRING, allowNull: false },
        authorName: { type: DataTypes.STRING, allowNull: false },
        bot: { type: DataTypes.BOOLEAN, allowNull: false },
        text: { type: DataTypes.TEXT, allowNull: false },
        card: { type: DataTypes.JSON, allowNull: true },
        visibleTo: { type: DataTypes.STRING, allowNull: true },
        createdAt: { type: DataTypes.DATE, allowNull: false },
        editedAt: { type: DataTypes.DATE, allowNull: true },
        change: { type: DataTypes.INTEGER, allowNull: true },
      },
      { sequelize, tableName: "room_messages", underscored: true, timestamps: false },
    );
  }
}
