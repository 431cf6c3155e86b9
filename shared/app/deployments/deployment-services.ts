import type { DeploymentServices } from "../services.ts";
import { cancelDeployment } from "./cancel-deployment.ts";
import { listDeployments, readDeploymentLog, viewDeployment } from "./deployment-queries.ts";
import type { DeploymentDeps } from "./deps.ts";
import { planDeployment } from "./plan-deployment.ts";
import { requestDeployment } from "./request-deployment.ts";
import { retryDeployment } from "./retry-deployment.ts";
import { rollBack } from "./roll-back.ts";

/** Deployments as both mouths see them. */
export function createDeploymentServices(deps: DeploymentDeps): DeploymentServices {
  return {
    plan: (actor, release, environment) => planDeployment(deps, actor, release, environment),
    async request(actor, release, input) {
      const row = await requestDeployment(deps, actor, release, input);
      return viewDeployment(deps, actor, row.number);
    },
    view: (actor, number) => viewDeployment(deps, actor, number),
    list: (actor, query) => listDeployments(deps, actor, query),
    logs: (actor, number, query) => readDeploymentLog(actor, number, query),
    async cancel(actor, number, input) {
      await cancelDeployment(deps, actor, number, input);
      return viewDeployment(deps, actor, number);
    },
    async retry(actor, number) {
      const row = await retryDeployment(deps, actor, number);
      return viewDeployment(deps, actor, row.number);
    },
    async rollBack(actor, input) {
      const row = await rollBack(deps, actor, input);
      return viewDeployment(deps, actor, row.number);
    },
  };
}
