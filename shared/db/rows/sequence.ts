import {
  DataTypes,
  Model,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** The last short number given out. */
export class SequenceRow extends Model<
  InferAttributes<SequenceRow>,
  InferCreationAttributes<SequenceRow>
> {
  declare name: string;
  declare value: number;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    SequenceRow.init(
      {
        name: { type: DataTypes.STRING, primaryKey: true },
        value: { type: DataTypes.INTEGER, allowNull: false },
      },
      { sequelize, tableName: "sequences", underscored: true, timestamps: false },
    );
  }
}
