import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** What a click means. The platform only ever sees the token. */
export class ChatActionRow extends Model<
  InferAttributes<ChatActionRow>,
  InferCreationAttributes<ChatActionRow>
> {
  declare token: string;
  declare action: string;
  declare payload: unknown;
  declare platform: string;
  /** Set once the message is posted: a token works only where it was shown. */
  declare channelId: CreationOptional<string | null>;
  declare messageId: CreationOptional<string | null>;
  declare createdAt: Date;
  declare expiresAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ChatActionRow.init(
      {
        token: { type: DataTypes.STRING, primaryKey: true },
        action: { type: DataTypes.STRING, allowNull: false },
        payload: { type: DataTypes.JSON, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        channelId: { type: DataTypes.STRING, allowNull: true },
        messageId: { type: DataTypes.STRING, allowNull: true },
        createdAt: { type: DataTypes.DATE, allowNull: false },
        expiresAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "chat_actions", underscored: true, timestamps: false },
    );
  }
}
