import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** One fact owed to one subscriber. */
export class EventDeliveryRow extends Model<
  InferAttributes<EventDeliveryRow>,
  InferCreationAttributes<EventDeliveryRow>
> {
  declare id: CreationOptional<number>;
  declare eventSeq: number;
  declare subscriber: string;
  /** `<kind>/<id>` of what the fact is about: facts about one subject are delivered in order. */
  declare subject: string;
  declare status: "due" | "done" | "dead";
  declare attempts: number;
  declare nextAttemptAt: Date;
  declare leaseUntil: CreationOptional<Date | null>;
  declare lastError: CreationOptional<string | null>;
  declare doneAt: CreationOptional<Date | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    EventDeliveryRow.init(
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        eventSeq: { type: DataTypes.INTEGER, allowNull: false },
        subscriber: { type: DataTypes.STRING, allowNull: false },
        subject: { type: DataTypes.STRING(300), allowNull: false },
        status: { type: DataTypes.STRING, allowNull: false },
        attempts: { type: DataTypes.INTEGER, allowNull: false },
        nextAttemptAt: { type: DataTypes.DATE, allowNull: false },
        leaseUntil: { type: DataTypes.DATE, allowNull: true },
        lastError: { type: DataTypes.TEXT, allowNull: true },
        doneAt: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "event_deliveries", underscored: true, timestamps: false },
    );
  }
}
