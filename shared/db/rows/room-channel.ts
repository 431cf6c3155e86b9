import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A channel of the embedded room. */
export class RoomChannelRow extends Model<
  InferAttributes<RoomChannelRow>,
  InferCreationAttributes<RoomChannelRow>
> {
  declare name: string;
  declare topic: string;
  declare type: "public" | "direct";
  /** Subject, for a direct channel. */
  declare member: CreationOptional<string | null>;
  declare createdAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    RoomChannelRow.init(
      {
        name: { type: DataTypes.STRING, primaryKey: true },
        topic: { type: DataTypes.STRING(500), allowNull: false },
        type: { type: DataTypes.STRING, allowNull: false },
        member: { type: DataTypes.STRING, allowNull: true },
        createdAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "room_channels", underscored: true, timestamps: false },
    );
  }
}
