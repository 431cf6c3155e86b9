import type { QueryInterface, Transaction } from "sequelize";

/** One step forward of the schema. Append-only: a migration that was released is never edited. */
export interface Migration {
  /** Date and purpose; also the order. */
  readonly name: string;
  up(schema: QueryInterface, transaction: Transaction): Promise<void>;
}
