import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A delivery that was taken: the same one again does nothing. */
export class ChatDeliveryRow extends Model<
  InferAttributes<ChatDeliveryRow>,
  InferCreationAttributes<ChatDeliveryRow>
> {
  /** `<platform>/<delivery id>`. */
  declare id: string;
  declare receivedAt: Date;
  /** Whoever deals with it, or did. */
  declare takenBy: CreationOptional<string | null>;
  /** Null until it is dealt with: when whoever took it is gone by then, it is dealt with again. */
  declare doneAt: CreationOptional<Date | null>;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ChatDeliveryRow.init(
      {
        id: { type: DataTypes.STRING(300), primaryKey: true },
        receivedAt: { type: DataTypes.DATE, allowNull: false },
        takenBy: { type: DataTypes.STRING, allowNull: true },
        doneAt: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "chat_deliveries", underscored: true, timestamps: false },
    );
  }
}
