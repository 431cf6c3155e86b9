import type { DesiredState } from "../../core/ports/deploy-target.ts";
import type { StoredDesired } from "../../db/rows/deployment.ts";
import type { DeploymentDeps } from "./deps.ts";

/** What a target is told: the stored version, where its source is, and which attempt asks. */
export async function desiredState(
  deps: Pick<DeploymentDeps, "scm" | "findRepository">,
  desired: StoredDesired,
  attempt: {
    readonly environment: string;
    readonly deployment: number;
    readonly fencingToken: number;
    /** Everything the deployment brings. */
    readonly brings: readonly StoredDesired[];
  },
  signal: AbortSignal,
): Promise<DesiredState> {
  const repository = await deps.findRepository(desired.repository, signal);
  return {
    service: desired.service,
    environment: attempt.environment,
    version: desired.version,
    commit: desired.commit,
    digest: desired.digest,
    repositoryUrl: deps.scm(repository.provider).cloneUrl(repository),
    repository: desired.repository,
    path: desired.path,
    commits: Object.fromEntries(
      attempt.brings.flatMap((one) => (one.commit === null ? [] : [[one.repository, one.commit]])),
    ),
    deployment: attempt.deployment,
    fencingToken: attempt.fencingToken,
  };
}
