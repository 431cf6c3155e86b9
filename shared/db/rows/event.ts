import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** A fact: audit log and outbox in one. Append-only and hash-chained. */
export class EventRow extends Model<InferAttributes<EventRow>, InferCreationAttributes<EventRow>> {
  declare seq: CreationOptional<number>;
  declare id: string;
  declare name: string;
  declare payload: unknown;
  declare actorSubject: string;
  declare actorUsername: string;
  declare actorName: string;
  declare platform: string;
  declare ip: CreationOptional<string | null>;
  declare userAgent: CreationOptional<string | null>;
  declare subjectKind: string;
  declare subjectId: string;
  declare related: readonly { readonly kind: string; readonly id: string }[];
  declare correlationId: string;
  declare occurredAt: Date;
  declare previousHash: string;
  declare hash: string;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    EventRow.init(
      {
        seq: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        id: { type: DataTypes.UUID, allowNull: false },
        name: { type: DataTypes.STRING, allowNull: false },
        payload: { type: DataTypes.JSON, allowNull: false },
        actorSubject: { type: DataTypes.STRING, allowNull: false },
        actorUsername: { type: DataTypes.STRING, allowNull: false },
        actorName: { type: DataTypes.STRING, allowNull: false },
        platform: { type: DataTypes.STRING, allowNull: false },
        ip: { type: DataTypes.STRING, allowNull: true },
        userAgent: { type: DataTypes.STRING(512), allowNull: true },
        subjectKind: { type: DataTypes.STRING, allowNull: false },
        subjectId: { type: DataTypes.STRING, allowNull: false },
        related: { type: DataTypes.JSON, allowNull: false },
        correlationId: { type: DataTypes.STRING, allowNull: false },
        occurredAt: { type: DataTypes.DATE, allowNull: false },
        previousHash: { type: DataTypes.STRING, allowNull: false },
        hash: { type: DataTypes.STRING, allowNull: false },
      },
      { sequelize, tableName: "events", underscored: true, timestamps: false },
    );
  }
}
