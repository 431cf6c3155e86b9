import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A private link somebody in a chat was given, to say who they are. Only a hash of its secret is kept. */
export class LinkRequestRow extends Model<
  InferAttributes<LinkRequestRow>,
  InferCreationAttributes<LinkRequestRow>
> {
  declare id: string;
  /** SHA-256 of the secret, hex. */
  declare hash: string;
  declare platform: string;
  declare workspace: string;
  declare userId: string;
  declare displayName: string;
  declare requestedAt: Date;
  declare expiresAt: Date;
  declare usedAt: CreationOptional<Date | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    LinkRequestRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        hash: { type: DataTypes.STRING(64), allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        workspace: { type: DataTypes.STRING, allowNull: false },
        userId: { type: DataTypes.STRING, allowNull: false },
        displayName: { type: DataTypes.STRING, allowNull: false },
        requestedAt: { type: DataTypes.DATE, allowNull: false },
        expiresAt: { type: DataTypes.DATE, allowNull: false },
        usedAt: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "link_requests", underscored: true, timestamps: false },
    );
  }
}
