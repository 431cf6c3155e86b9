import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** An answer of a remote system, kept so that asking again is cheap. May be lost at any time. */
export class HttpAnswerRow extends Model<
  InferAttributes<HttpAnswerRow>,
  InferCreationAttributes<HttpAnswerRow>
> {
  /** SHA-256 of the key the provider gave, hex. */
  declare key: string;
  declare etag: CreationOptional<string | null>;
  declare value: string;
  /** Bytes of the value. */
  declare size: number;
  /** When it was last of use, to the day. */
  declare usedAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    HttpAnswerRow.init(
      {
        key: { type: DataTypes.STRING, primaryKey: true },
        etag: { type: DataTypes.STRING, allowNull: true },
        value: { type: DataTypes.TEXT, allowNull: false },
        size: { type: DataTypes.INTEGER, allowNull: false },
        usedAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "http_answers", underscored: true, timestamps: false },
    );
  }
}
