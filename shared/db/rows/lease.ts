import {
  DataTypes,
  Model,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A right that one process has at a time, until it is given back or its time is over. */
export class LeaseRow extends Model<InferAttributes<LeaseRow>, InferCreationAttributes<LeaseRow>> {
  declare name: string;
  /** The process that has it, or had it last. */
  declare owner: string;
  /** By the clock of the database. */
  declare until: Date;
  /** Grows with every taking, so that a former owner is recognised. */
  declare token: number;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    LeaseRow.init(
      {
        name: { type: DataTypes.STRING, primaryKey: true },
        owner: { type: DataTypes.STRING, allowNull: false },
        until: { type: DataTypes.DATE, allowNull: false },
        token: { type: DataTypes.INTEGER, allowNull: false },
      },
      { sequelize, tableName: "leases", underscored: true, timestamps: false },
    );
  }
}
