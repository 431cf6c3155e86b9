import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** What configuration cannot know about an environment. */
export class EnvironmentStateRow extends Model<
  InferAttributes<EnvironmentStateRow>,
  InferCreationAttributes<EnvironmentStateRow>
> {
  declare name: string;
  /** When the first start deployed its baseline. */
  declare baselineAt: CreationOptional<Date | null>;
  /** Number of the one unfinished deployment: compare-and-set decides who may deploy. */
  declare activeDeployment: CreationOptional<number | null>;
  /** Grows with every owner of a deployment here. */
  declare fencing: number;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    EnvironmentStateRow.init(
      {
        name: { type: DataTypes.STRING, primaryKey: true },
        baselineAt: { type: DataTypes.DATE, allowNull: true },
        activeDeployment: { type: DataTypes.INTEGER, allowNull: true },
        fencing: { type: DataTypes.INTEGER, allowNull: false },
      },
      { sequelize, tableName: "environment_states", underscored: true, timestamps: false },
    );
  }
}
