import { Op } from "sequelize";
import { DeploymentRow } from "./rows/deployment.ts";
import { EventDeliveryRow } from "./rows/event-delivery.ts";
import { JobRow } from "./rows/job.ts";
import type { UnitOfWork } from "./unit-of-work.types.ts";

/**
 * Makes everything due again that a process had begun when it was killed, so that nobody waits for its leases to end. Only for
 * a process that is known to be alone: what another one is doing now would be done twice.
 */
export async function takeOver(uow: UnitOfWork): Promise<void> {
  await uow.run(async (tx) => {
    const transaction = tx.sequelize;
    const isLeased = { [Op.ne]: null };
    await EventDeliveryRow.update(
      { leaseUntil: null },
      { where: { status: "due", leaseUntil: isLeased }, transaction },
    );
    await JobRow.update(
      { status: "waiting", leaseUntil: null },
      { where: { status: "running" }, transaction },
    );
    await DeploymentRow.update(
      { leaseOwner: null, leaseUntil: null },
      { where: { leaseOwner: isLeased }, transaction },
    );
  });
}
