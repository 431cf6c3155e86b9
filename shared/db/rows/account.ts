import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A chat account bound to a person. Identity only: it grants nothing. */
export class AccountRow extends Model<
  InferAttributes<AccountRow>,
  InferCreationAttributes<AccountRow>
> {
  declare id: string;
  declare platform: string;
  declare workspace: string;
  declare userId: string;
  declare subject: string;
  /** As it called itself when it was linked; null when that was not kept. */
  declare displayName: CreationOptional<string | null>;
  declare linkedAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    AccountRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        platform: { type: DataTypes.STRING, allowNull: false },
        workspace: { type: DataTypes.STRING, allowNull: false },
        userId: { type: DataTypes.STRING, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        displayName: { type: DataTypes.STRING, allowNull: true },
        linkedAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "accounts", underscored: true, timestamps: false },
    );
  }
}
