import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A no, with its reason. Its commits cannot be released until it is lifted. */
export class RejectionRow extends Model<
  InferAttributes<RejectionRow>,
  InferCreationAttributes<RejectionRow>
> {
  declare id: string;
  declare releaseId: string;
  declare subject: string;
  declare reason: string;
  declare commits: readonly { readonly repository: string; readonly sha: string }[];
  declare rejectedAt: Date;
  declare liftedAt: CreationOptional<Date | null>;
  declare liftedBy: CreationOptional<string | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    RejectionRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        releaseId: { type: DataTypes.UUID, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        reason: { type: DataTypes.TEXT, allowNull: false },
        commits: { type: DataTypes.JSON, allowNull: false },
        rejectedAt: { type: DataTypes.DATE, allowNull: false },
        liftedAt: { type: DataTypes.DATE, allowNull: true },
        liftedBy: { type: DataTypes.STRING, allowNull: true },
      },
      { sequelize, tableName: "rejections", underscored: true, timestamps: false },
    );
  }
}
