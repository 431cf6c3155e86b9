import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** Background work waiting or running. */
export class JobRow extends Model<InferAttributes<JobRow>, InferCreationAttributes<JobRow>> {
  declare id: CreationOptional<number>;
  declare name: string;
  declare payload: Readonly<Record<string, unknown>>;
  /** Unique while waiting. */
  declare key: CreationOptional<string | null>;
  declare runAt: Date;
  declare leaseUntil: CreationOptional<Date | null>;
  declare attempts: number;
  declare status: "waiting" | "running" | "dead";
  declare lastError: CreationOptional<string | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    JobRow.init(
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        name: { type: DataTypes.STRING, allowNull: false },
        payload: { type: DataTypes.JSON, allowNull: false },
        key: { type: DataTypes.STRING, allowNull: true },
        runAt: { type: DataTypes.DATE, allowNull: false },
        leaseUntil: { type: DataTypes.DATE, allowNull: true },
        attempts: { type: DataTypes.INTEGER, allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        lastError: { type: DataTypes.TEXT, allowNull: true },
      },
      { sequelize, tableName: "jobs", underscored: true, timestamps: false },
    );
  }
}
