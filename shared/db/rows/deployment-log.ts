import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";
import type { Stage } from "../../contract/deployment.ts";

/** One line of output, already redacted and capped. */
export class DeploymentLogRow extends Model<
  InferAttributes<DeploymentLogRow>,
  InferCreationAttributes<DeploymentLogRow>
> {
  declare id: CreationOptional<number>;
  declare deploymentId: string;
  declare service: CreationOptional<string | null>;
  declare stage: CreationOptional<Stage | null>;
  declare at: Date;
  declare line: string;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    DeploymentLogRow.init(
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        deploymentId: { type: DataTypes.UUID, allowNull: false },
        service: { type: DataTypes.STRING, allowNull: true },
        stage: { type: DataTypes.STRING, allowNull: true },
        at: { type: DataTypes.DATE, allowNull: false },
        line: { type: DataTypes.TEXT, allowNull: false },
      },
      { sequelize, tableName: "deployment_logs", underscored: true, timestamps: false },
    );
  }
}
