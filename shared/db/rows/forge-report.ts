import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** The last thing a forge was told about one commit: telling it the same again would cost a request and change nothing. */
export class ForgeReportRow extends Model<
  InferAttributes<ForgeReportRow>,
  InferCreationAttributes<ForgeReportRow>
> {
  declare id: string;
  declare kind: "status" | "deployment";
  declare repository: string;
  declare sha: string;
  /** Of a status its context, of a deployment its number. */
  declare context: string;
  /** Over everything that was told. */
  declare hash: string;
  /** Why the forge did not take it; it is not asked again until there is something else to tell. */
  declare refusal: CreationOptional<string | null>;
  declare reportedAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ForgeReportRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        kind: { type: DataTypes.STRING, allowNull: false },
        repository: { type: DataTypes.STRING, allowNull: false },
        sha: { type: DataTypes.STRING, allowNull: false },
        context: { type: DataTypes.STRING, allowNull: false },
        hash: { type: DataTypes.STRING, allowNull: false },
        refusal: { type: DataTypes.TEXT, allowNull: true },
        reportedAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "forge_reports", underscored: true, timestamps: false },
    );
  }
}
