import {
  DataTypes,
  Model,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";
import type { NotificationSettings } from "../../contract/notifications.ts";

/** How somebody wants to be written to. Whoever never said so has no row. */
export class NotificationSettingsRow extends Model<
  InferAttributes<NotificationSettingsRow>,
  InferCreationAttributes<NotificationSettingsRow>
> {
  declare subject: string;
  declare digest: NotificationSettings["digest"];
  declare digestAt: string;
  declare timeZone: string;
  declare direct: boolean;
  declare platform: string | null;
  declare mutedUntil: Date | null;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    NotificationSettingsRow.init(
      {
        subject: { type: DataTypes.STRING, primaryKey: true },
        digest: { type: DataTypes.STRING(20), allowNull: false },
        digestAt: { type: DataTypes.STRING(5), allowNull: false },
        timeZone: { type: DataTypes.STRING(100), allowNull: false },
        direct: { type: DataTypes.BOOLEAN, allowNull: false },
        platform: { type: DataTypes.STRING(60), allowNull: true },
        mutedUntil: { type: DataTypes.DATE, allowNull: true },
      },
      { sequelize, tableName: "notification_settings", underscored: true, timestamps: false },
    );
  }
}
