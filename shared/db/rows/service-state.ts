import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** What each service runs in each environment: what our last deployment left, and what the target said last. */
export class ServiceStateRow extends Model<
  InferAttributes<ServiceStateRow>,
  InferCreationAttributes<ServiceStateRow>
> {
  declare id: string;
  declare environment: string;
  declare service: string;
  declare recordedVersion: CreationOptional<string | null>;
  declare recordedCommit: CreationOptional<string | null>;
  declare recordedDigest: CreationOptional<string | null>;
  declare deployment: CreationOptional<number | null>;
  declare deployedBy: CreationOptional<string | null>;
  declare deployedByName: CreationOptional<string | null>;
  declare since: CreationOptional<Date | null>;
  declare observedVersion: CreationOptional<string | null>;
  declare observedCommit: CreationOptional<string | null>;
  declare health: "healthy" | "unhealthy" | "progressing" | "absent" | "unknown";
  declare detail: CreationOptional<string | null>;
  declare checkedAt: CreationOptional<Date | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ServiceStateRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        environment: { type: DataTypes.STRING, allowNull: false },
        service: { type: DataTypes.STRING, allowNull: false },
        recordedVersion: { type: DataTypes.STRING, allowNull: true },
        recordedCommit: { type: DataTypes.STRING, allowNull: true },
        recordedDigest: { type: DataTypes.STRING, allowNull: true },
        deployment: { type: DataTypes.INTEGER, allowNull: true },
        deployedBy: { type: DataTypes.STRING, allowNull: true },
        deployedByName: { type: DataTypes.STRING, allowNull: true },
        since: { type: DataTypes.DATE, allowNull: true },
        observedVersion: { type: DataTypes.STRING, allowNull: true },
        observedCommit: { type: DataTypes.STRING, allowNull: true },
        health: { type: DataTypes.STRING, allowNull: false },
        detail: { type: DataTypes.TEXT, allowNull: true },
        checkedAt: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "service_states", underscored: true, timestamps: false },
    );
  }
}
