import type { Actor, DeploymentServices } from "../../shared/app/services.ts";
import type { DeploymentLogView } from "../../shared/contract/deployment.ts";

/** The log is served from its beginning, so its end is reached page by page. */
const PAGE = 5_000;
/** More output than this is not walked through for a card; the dashboard has all of it. */
const PAGES = 20;
/** How many of the last lines are kept. */
const KEPT = 2_000;

/** The last lines of a deployment's log, oldest first. */
export async function readLogTail(
  deployments: Pick<DeploymentServices, "logs">,
  actor: Actor,
  deployment: number,
): Promise<DeploymentLogView["items"]> {
  let tail: DeploymentLogView["items"] = [];
  let after = 0;
  for (let page = 0; page < PAGES; page += 1) {
    const { items, next } = await deployments.logs(actor, deployment, { after, limit: PAGE });
    tail = [...tail, ...items].slice(-KEPT);
    if (items.length === 0 || next <= after) {
      break;
    }
    after = next;
  }
  return tail;
}
