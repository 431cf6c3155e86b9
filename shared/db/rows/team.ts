import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** People who own services together. */
export class TeamRow extends Model<InferAttributes<TeamRow>, InferCreationAttributes<TeamRow>> {
  declare name: string;
  declare description: string;
  declare channel: CreationOptional<string | null>;
  /** Usernames. */
  declare members: readonly string[];
  declare updatedAt: Date;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    TeamRow.init(
      {
        name: { type: DataTypes.STRING, primaryKey: true },
        description: { type: DataTypes.TEXT, allowNull: false },
        channel: { type: DataTypes.STRING, allowNull: true },
        members: { type: DataTypes.JSON, allowNull: false },
        updatedAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "teams", underscored: true, timestamps: false },
    );
  }
}
