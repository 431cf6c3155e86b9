import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";
import type { Stage, StepStatus } from "../../contract/deployment.ts";

/** One stage of one service in a deployment. Stored as running before its effect begins. */
export class DeploymentStepRow extends Model<
  InferAttributes<DeploymentStepRow>,
  InferCreationAttributes<DeploymentStepRow>
> {
  declare id: string;
  declare deploymentId: string;
  declare wave: number;
  declare position: number;
  declare service: string;
  declare stage: Stage;
  declare status: StepStatus;
  declare attempt: number;
  declare timeoutMs: number;
  declare startedAt: CreationOptional<Date | null>;
  declare finishedAt: CreationOptional<Date | null>;
  declare outcome: CreationOptional<string | null>;
  declare cause: CreationOptional<string | null>;
  /** Of a deploy: whether the target carried the new version when it was asked last; null while nobody knows. */
  declare carried: CreationOptional<boolean | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    DeploymentStepRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        deploymentId: { type: DataTypes.UUID, allowNull: false },
        wave: { type: DataTypes.INTEGER, allowNull: false },
        position: { type: DataTypes.INTEGER, allowNull: false },
        service: { type: DataTypes.STRING, allowNull: false },
        stage: { type: DataTypes.STRING, allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        attempt: { type: DataTypes.INTEGER, allowNull: false },
        timeoutMs: { type: DataTypes.INTEGER, allowNull: false },
        startedAt: { type: DataTypes.DATE, allowNull: true },
        finishedAt: { type: DataTypes.DATE, allowNull: true },
        outcome: { type: DataTypes.TEXT, allowNull: true },
        cause: { type: DataTypes.STRING, allowNull: true },
        carried: { type: DataTypes.BOOLEAN, allowNull: true },
      },
      { sequelize, tableName: "deployment_steps", underscored: true, timestamps: false },
    );
  }
}
