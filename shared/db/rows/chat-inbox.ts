import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** What another process has left for the one that runs chat. Gone once it was dealt with. */
export class ChatInboxRow extends Model<
  InferAttributes<ChatInboxRow>,
  InferCreationAttributes<ChatInboxRow>
> {
  declare seq: CreationOptional<number>;
  declare id: string;
  /** `room.message`, `room.press`, or `hook.<platform>`. */
  declare kind: string;
  declare payload: Readonly<Record<string, unknown>>;
  /** Set when somebody waits for an answer and it is there. */
  declare answer: CreationOptional<Readonly<Record<string, unknown>> | null>;
  declare leftAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ChatInboxRow.init(
      {
        seq: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        id: { type: DataTypes.UUID, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        payload: { type: DataTypes.JSON, allowNull: false },
        answer: { type: DataTypes.JSON, allowNull: true },
        leftAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "chat_inbox", underscored: true, timestamps: false },
    );
  }
}
