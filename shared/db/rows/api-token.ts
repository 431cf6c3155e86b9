import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** An API token. Only a hash of the secret is kept. */
export class ApiTokenRow extends Model<
  InferAttributes<ApiTokenRow>,
  InferCreationAttributes<ApiTokenRow>
> {
  declare id: string;
  declare subject: string;
  declare name: string;
  /** SHA-256 of the secret, hex. */
  declare hash: string;
  declare scopes: readonly ("read" | "write")[];
  declare createdAt: Date;
  declare expiresAt: CreationOptional<Date | null>;
  declare lastUsedAt: CreationOptional<Date | null>;
  declare revokedAt: CreationOptional<Date | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ApiTokenRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        subject: { type: DataTypes.STRING, allowNull: false },
        name: { type: DataTypes.STRING, allowNull: false },
        hash: { type: DataTypes.STRING, allowNull: false },
        scopes: { type: DataTypes.JSON, allowNull: false },
        createdAt: { type: DataTypes.DATE, allowNull: false },
        expiresAt: { type: DataTypes.DATE, allowNull: true },
        lastUsedAt: { type: DataTypes.DATE, allowNull: true },
        revokedAt: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "api_tokens", underscored: true, timestamps: false },
    );
  }
}
