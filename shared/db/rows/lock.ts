import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A lock (people stop deploys) or a hold (automation is paused). */
export class LockRow extends Model<InferAttributes<LockRow>, InferCreationAttributes<LockRow>> {
  declare id: string;
  declare environment: string;
  declare kind: "lock" | "hold";
  declare subject: string;
  declare name: string;
  declare reason: string;
  declare createdAt: Date;
  declare expiresAt: CreationOptional<Date | null>;
  declare endedAt: CreationOptional<Date | null>;
  declare endedBy: CreationOptional<string | null>;
  /** `<kind>/<environment>` while it stands; unique. */
  declare activeKey: CreationOptional<string | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    LockRow.init(
      {
        id: { type: DataTypes.UUID, primaryKey: true },
        environment: { type: DataTypes.STRING, allowNull: false },
        kind: { type: DataTypes.STRING, allowNull: false },
        subject: { type: DataTypes.STRING, allowNull: false },
        name: { type: DataTypes.STRING, allowNull: false },
        reason: { type: DataTypes.TEXT, allowNull: false },
        createdAt: { type: DataTypes.DATE, allowNull: false },
        expiresAt: { type: DataTypes.DATE, allowNull: true },
        endedAt: { type: DataTypes.DATE, allowNull: true },
        endedBy: { type: DataTypes.STRING, allowNull: true },
        activeKey: { type: DataTypes.STRING, allowNull: true },
      },
      { sequelize, tableName: "locks", underscored: true, timestamps: false },
    );
  }
}
