import {
  DataTypes,
  Model,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** The last message of a channel that was looked at: after a lost connection reading goes on behind it. */
export class ChatCursorRow extends Model<
  InferAttributes<ChatCursorRow>,
  InferCreationAttributes<ChatCursorRow>
> {
  declare platform: string;
  declare channelId: string;
  declare messageId: string;
  /** When that message was written, by the platform's clock. */
  declare sentAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ChatCursorRow.init(
      {
        platform: { type: DataTypes.STRING(60), primaryKey: true },
        channelId: { type: DataTypes.STRING(200), primaryKey: true },
        messageId: { type: DataTypes.STRING(200), allowNull: false },
        sentAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "chat_cursors", underscored: true, timestamps: false },
    );
  }
}
