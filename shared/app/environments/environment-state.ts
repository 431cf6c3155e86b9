import { EnvironmentStateRow } from "../../db/rows/environment-state.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";

/**
 * The state of an environment, made when it is missing, and locked until the transaction ends where the database can do
 * that: whoever deploys, locks or rolls back there takes turns.
 */
export async function environmentState(tx: Tx, name: string): Promise<EnvironmentStateRow> {
  const transaction = tx.sequelize;
  const found = await EnvironmentStateRow.findByPk(name, {
    transaction,
    lock: transaction.LOCK.UPDATE,
  });
  return (
    found ??
    (await EnvironmentStateRow.create(
      { name, activeDeployment: null, baselineAt: null, fencing: 0 },
      { transaction },
    ))
  );
}
