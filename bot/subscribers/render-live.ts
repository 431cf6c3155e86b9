import type { StoredPost } from "../../shared/app/services.ts";
import { deploymentLive } from "../cards/deployment-card.ts";
import { readyLive } from "../cards/ready-card.ts";
import { releaseLive } from "../cards/release-card.ts";
import type { LiveCard } from "../chat/live-card.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

type Deps = Pick<SubscriberDeps, "services" | "systemActor">;

/** The newest card of a release. */
export async function renderRelease(
  { services, systemActor }: Deps,
  number: number,
): Promise<LiveCard> {
  return releaseLive(await services.releases.view(systemActor, number));
}

/** The announcement of a release as it stands. `why` is kept from the message before when it is not given. */
export async function renderReady(
  { services, systemActor }: Deps,
  number: number,
  previous: StoredPost | undefined,
  why?: string,
): Promise<LiveCard> {
  const kept = previous?.shown["why"];
  const release = await services.releases.view(systemActor, number);
  return readyLive(release, why ?? (typeof kept === "string" ? kept : null));
}

/** The newest card of a deployment. */
export async function renderDeployment(
  { services, systemActor }: Deps,
  number: number,
): Promise<LiveCard> {
  return deploymentLive(await services.deployments.view(systemActor, number));
}

/** The newest live card of any subject; undefined for subjects that have none, such as environments. */
export async function renderLive(deps: Deps, subject: string): Promise<LiveCard | undefined> {
  const [, kind, digits] = /^(release|deployment)\/(\d+)$/.exec(subject) ?? [];
  const number = Number(digits);
  switch (kind) {
    case "release":
      return renderRelease(deps, number);
    case "deployment":
      return renderDeployment(deps, number);
    default:
      return undefined;
  }
}
