import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A signed-in browser. */
export class SessionRow extends Model<
  InferAttributes<SessionRow>,
  InferCreationAttributes<SessionRow>
> {
  /** SHA-256 of the session id, hex: a stolen database opens no session. */
  declare sid: string;
  declare data: Readonly<Record<string, unknown>>;
  declare subject: CreationOptional<string | null>;
  /** The provider's own session id, for back-channel logout. */
  declare oidcSid: CreationOptional<string | null>;
  declare expiresAt: Date;
  declare lastUsedAt: CreationOptional<Date | null>;
  /** The address it was last used from. */
  declare ip: CreationOptional<string | null>;
  declare userAgent: CreationOptional<string | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    SessionRow.init(
      {
        sid: { type: DataTypes.STRING, primaryKey: true },
        data: { type: DataTypes.JSON, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: true },
        oidcSid: { type: DataTypes.STRING, allowNull: true },
        expiresAt: { type: DataTypes.DATE, allowNull: false },
        lastUsedAt: { type: DataTypes.DATE, allowNull: true },
        ip: { type: DataTypes.STRING, allowNull: true },
        userAgent: { type: DataTypes.STRING(300), allowNull: true },
      },
      { sequelize, tableName: "sessions", underscored: true, timestamps: false },
    );
  }
}
