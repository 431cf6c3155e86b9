import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** What the identity provider said about a person's memberships. */
export interface StoredClaims {
  readonly groups: readonly string[];
  readonly realmRoles: readonly string[];
  readonly clientRoles: readonly string[];
}

/** Somebody the identity provider vouched for. Roles are never stored, only the claims they follow from. */
export class PersonRow extends Model<
  InferAttributes<PersonRow>,
  InferCreationAttributes<PersonRow>
> {
  declare subject: string;
  declare username: string;
  declare name: string;
  declare email: CreationOptional<string | null>;
  /** Which identity provider vouched. */
  declare issuer: string;
  /** Groups and roles as last told by the identity provider. */
  declare claims: StoredClaims;
  declare claimsCheckedAt: Date;
  /** Encrypted; lets the claims be asked again without the person. */
  declare refreshToken: CreationOptional<string | null>;
  declare active: boolean;
  declare createdAt: Date;
  declare lastSeenAt: CreationOptional<Date | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    PersonRow.init(
      {
        subject: { type: DataTypes.STRING, primaryKey: true },
        username: { type: DataTypes.STRING, allowNull: false },
        name: { type: DataTypes.STRING, allowNull: false },
        email: { type: DataTypes.STRING, allowNull: true },
        issuer: { type: DataTypes.STRING, allowNull: false },
        claims: { type: DataTypes.JSON, allowNull: false },
        claimsCheckedAt: { type: DataTypes.DATE, allowNull: false },
        refreshToken: { type: DataTypes.TEXT, allowNull: true },
        active: { type: DataTypes.BOOLEAN, allowNull: false },
        createdAt: { type: DataTypes.DATE, allowNull: false },
        lastSeenAt: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "people", underscored: true, timestamps: false },
    );
  }
}
