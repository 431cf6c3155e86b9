import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";
import type { DeploymentStatus } from "../../contract/deployment.ts";

/** What should run of one service, and what ran before. */
export interface StoredDesired {
  readonly service: string;
  readonly repository: string;
  readonly path: string;
  readonly version: string;
  readonly commit: string | null;
  readonly digest: string | null;
  readonly fromVersion: string | null;
  readonly fromCommit: string | null;
  /** Branch to land on and what it must still be; null when nothing lands. */
  readonly landBranch: string | null;
}

/** One attempt to bring a release to an environment. A rollback is a deployment. */
export class DeploymentRow extends Model<
  InferAttributes<DeploymentRow>,
  InferCreationAttributes<DeploymentRow>
> {
  declare id: string;
  declare number: number;
  declare kind: "deploy" | "rollback";
  declare status: DeploymentStatus;
  declare environment: string;
  declare releaseId: CreationOptional<string | null>;
  declare releaseNumber: CreationOptional<number | null>;
  /** Number of the deployment this one undoes. */
  declare rollbackOf: CreationOptional<number | null>;
  /** Number of the earlier success a rollback goes back to. */
  declare restores: CreationOptional<number | null>;
  /** What was signed when it was requested. */
  declare fingerprint: CreationOptional<string | null>;
  /** Exactly what should run, per service; a rollback to this deployment replays it. */
  declare desired: readonly StoredDesired[];
  declare waves: readonly (readonly string[])[];
  declare land: "after" | "before" | "off";
  declare only: readonly string[] | null;
  declare fromWave: CreationOptional<number | null>;
  declare requestedBy: string;
  declare requestedByName: string;
  declare reason: CreationOptional<string | null>;
  declare summary: string;
  declare cancelRequestedBy: CreationOptional<string | null>;
  declare cancelThen: CreationOptional<"leave" | "roll_back" | null>;
  declare retryOf: CreationOptional<number | null>;
  declare leaseOwner: CreationOptional<string | null>;
  declare leaseUntil: CreationOptional<Date | null>;
  declare fencing: number;
  declare createdAt: Date;
  declare startedAt: CreationOptional<Date | null>;
  declare finishedAt: CreationOptional<Date | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    DeploymentRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        number: { type: DataTypes.INTEGER, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        environment: { type: DataTypes.STRING, allowNull: false },
        releaseId: { type: DataTypes.UUID, allowNull: true },
        releaseNumber: { type: DataTypes.INTEGER, allowNull: true },
        rollbackOf: { type: DataTypes.INTEGER, allowNull: true },
        restores: { type: DataTypes.INTEGER, allowNull: true },
        fingerprint: { type: DataTypes.STRING, allowNull: true },
        desired: { type: DataTypes.JSON, allowNull: false },
        waves: { type: DataTypes.JSON, allowNull: false },
        land: { type: DataTypes.STRING, allowNull: false },
        only: { type: DataTypes.JSON, allowNull: true },
        fromWave: { type: DataTypes.INTEGER, allowNull: true },
        requestedBy: { type: DataTypes.STRING, allowNull: false },
        requestedByName: { type: DataTypes.STRING, allowNull: false },
        reason: { type: DataTypes.TEXT, allowNull: true },
        summary: { type: DataTypes.TEXT, allowNull: false },
        cancelRequestedBy: { type: DataTypes.STRING, allowNull: true },
        cancelThen: { type: DataTypes.STRING, allowNull: true },
        retryOf: { type: DataTypes.INTEGER, allowNull: true },
        leaseOwner: { type: DataTypes.STRING, allowNull: true },
        leaseUntil: { type: DataTypes.DATE, allowNull: true },
        fencing: { type: DataTypes.INTEGER, allowNull: false },
        createdAt: { type: DataTypes.DATE, allowNull: false },
        startedAt: { type: DataTypes.DATE, allowNull: true },
        finishedAt: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "deployments", underscored: true, timestamps: false },
    );
  }
}
