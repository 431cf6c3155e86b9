import {
  DataTypes,
  Model,
  type CreationOptional,
  type InferAttributes,
  type InferCreationAttributes,
  type Sequelize,
} from "sequelize";

/** One text people can find something by. The database keeps a full-text index of `words` in step by itself. */
export class SearchEntryRow extends Model<
  InferAttributes<SearchEntryRow>,
  InferCreationAttributes<SearchEntryRow>
> {
  declare id: CreationOptional<number>;
  /** What kind of thing is found, e.g. `release`. */
  declare kind: string;
  /** Which one: its id. */
  declare ref: string;
  /** Which part of it the text belongs to, so that parts change one by one. */
  declare part: string;
  /** From `wordsOf`, with a space between. */
  declare words: string;

  /** Binds the class to a connection. Columns are made by migrations, never by this. */
  static attach(sequelize: Sequelize): void {
    SearchEntryRow.init(
      {
        id: { type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true },
        kind: { type: DataTypes.STRING, allowNull: false },
        ref: { type: DataTypes.STRING, allowNull: false },
        part: { type: DataTypes.STRING, allowNull: false },
        words: { type: DataTypes.TEXT, allowNull: false },
      },
      { sequelize, tableName: "search_entries", underscored: true, timestamps: false },
    );
  }
}
