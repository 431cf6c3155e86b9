import {
  DataTypes,
  Model,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** What every process on this database must have in common. */
export class CommonSettingRow extends Model<
  InferAttributes<CommonSettingRow>,
  InferCreationAttributes<CommonSettingRow>
> {
  declare name: string;
  declare value: string;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    CommonSettingRow.init(
      {
        name: { type: DataTypes.STRING, primaryKey: true },
        value: { type: DataTypes.STRING, allowNull: false },
      },
      { sequelize, tableName: "common_settings", underscored: true, timestamps: false },
    );
  }
}
