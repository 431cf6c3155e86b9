import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** Which message shows which subject where: posted once, then edited. */
export class ChatPostRow extends Model<
  InferAttributes<ChatPostRow>,
  InferCreationAttributes<ChatPostRow>
> {
  declare id: string;
  /** e.g. `release/12`, `release/12/ready`, `deployment/7`. */
  declare subject: string;
  declare platform: string;
  declare channelId: string;
  declare threadId: CreationOptional<string | null>;
  /** Null while the first post is under way. */
  declare messageId: CreationOptional<string | null>;
  declare contentHash: string;
  /** What it shows, e.g. the fingerprint: a typed approve signs that. */
  declare shown: Readonly<Record<string, unknown>>;
  declare postedAt: Date;
  declare editedAt: CreationOptional<Date | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ChatPostRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        subject: { type: DataTypes.STRING, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        channelId: { type: DataTypes.STRING, allowNull: false },
        threadId: { type: DataTypes.STRING, allowNull: true },
        messageId: { type: DataTypes.STRING, allowNull: true },
        contentHash: { type: DataTypes.STRING, allowNull: false },
        shown: { type: DataTypes.JSON, allowNull: false },
        postedAt: { type: DataTypes.DATE, allowNull: false },
        editedAt: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "chat_posts", underscored: true, timestamps: false },
    );
  }
}
