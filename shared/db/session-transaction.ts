import { Transaction, type Sequelize } from "sequelize";

/**
 * What Sequelize needs to run a query on a connection of ours. It begins and ends nothing: the session that owns the
 * connection does, and several of these, one per work, share one transaction of the database.
 */
export class SessionTransaction extends Transaction {
  declare connection: object;
  declare finished: "commit" | "rollback" | undefined;

  constructor(sequelize: Sequelize, connection: object) {
    super(sequelize, {});
    this.connection = connection;
  }

  /** From now on Sequelize refuses queries with it: a statement that comes late must not land in another work. */
  finish(how: "commit" | "rollback"): void {
    this.finished = how;
  }
}
