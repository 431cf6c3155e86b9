import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** One item as it was when it was signed. */
export interface SignedItem {
  readonly service: string;
  readonly repository: string;
  readonly path: string;
  readonly headSha: string | null;
  readonly version: string | null;
  readonly digest: string | null;
  readonly patchIdentity: string | null;
  readonly commitCount: number;
}

/** One person's approval in one role of one exact content. */
export class SignOffRow extends Model<
  InferAttributes<SignOffRow>,
  InferCreationAttributes<SignOffRow>
> {
  declare id: string;
  declare releaseId: string;
  declare role: string;
  declare subject: string;
  declare fingerprint: string;
  /** What was signed, item by item; whether it still counts is computed from this, never stored. */
  declare content: readonly SignedItem[];
  declare byAuthor: boolean;
  declare platform: string;
  declare signedAt: Date;
  declare revokedAt: CreationOptional<Date | null>;
  declare revokedBy: CreationOptional<string | null>;
  /** `<release>/<role>/<subject>/<fingerprint>` while not revoked; unique, so that a hundred clicks give one sign-off. */
  declare activeKey: CreationOptional<string | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    SignOffRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        releaseId: { type: DataTypes.UUID, allowNull: false },
        role: { type: DataTypes.STRING, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        fingerprint: { type: DataTypes.STRING, allowNull: false },
        content: { type: DataTypes.JSON, allowNull: false },
        byAuthor: { type: DataTypes.BOOLEAN, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        signedAt: { type: DataTypes.DATE, allowNull: false },
        revokedAt: { type: DataTypes.DATE, allowNull: true },
        revokedBy: { type: DataTypes.STRING, allowNull: true },
        activeKey: { type: DataTypes.STRING, allowNull: true },
      },
      { sequelize, tableName: "sign_offs", underscored: true, timestamps: false },
    );
  }
}
