import {
  DataTypes,
  Model,
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

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    ChatDeliveryRow.init(
      {
        id: { type: DataTypes.STRING(300), primaryKey: true },
        receivedAt: { type: DataTypes.DATE, allowNull: false },
      },
      { sequelize, tableName: "chat_deliveries", underscored: true, timestamps: false },
    );
  }
}
