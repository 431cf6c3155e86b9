import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A deployable thing. */
export class ServiceRow extends Model<
  InferAttributes<ServiceRow>,
  InferCreationAttributes<ServiceRow>
> {
  declare name: string;
  /** Name of the repository, as the provider lists it. */
  declare repository: string;
  declare path: string;
  declare team: CreationOptional<string | null>;
  declare owner: CreationOptional<string | null>;
  declare channel: CreationOptional<string | null>;
  declare dependsOn: readonly string[];
  declare origin: "discovered" | "declared" | "made";
  declare updatedAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ServiceRow.init(
      {
        name: { type: DataTypes.STRING, primaryKey: true },
        repository: { type: DataTypes.STRING, allowNull: false },
        path: { type: DataTypes.STRING, allowNull: false },
        team: { type: DataTypes.STRING, allowNull: true },
        owner: { type: DataTypes.STRING, allowNull: true },
        channel: { type: DataTypes.STRING, allowNull: true },
        dependsOn: { type: DataTypes.JSON, allowNull: false },
        origin: { type: DataTypes.STRING, allowNull: false },
        updatedAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "services", underscored: true, timestamps: false },
    );
  }
}
