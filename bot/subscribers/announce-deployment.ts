import type { DeploymentView } from "../../shared/contract/deployment.ts";
import type { EventOf, Subscriber } from "../../shared/events/events.ts";
import { failureCard, logCard } from "../cards/deployment-card.ts";
import { hasFailed } from "../cards/deployment-words.ts";
import { deploymentSubject } from "../chat/live-card.ts";
import { readLogTail } from "../chat/log-tail.ts";
import type { Place } from "../chat/platform.ts";
import { renderDeployment } from "./render-live.ts";
import { announcementPlaces, doAll, type SubscriberDeps } from "./subscriber-deps.ts";

const EVENTS = [
  "deployment.requested",
  "deployment.started",
  "deployment.step_changed",
  "deployment.resumed",
  "deployment.cancel_requested",
  "deployment.finished",
] as const;

/** Services whose log lines are put into the thread; a failure of more is one failure with many faces. */
const LOGGED_SERVICES = 5;

/**
 * One live card per deployment, in the announcement channels and wherever somebody asked for it. It is edited as the services
 * progress; a failure is a new message, because people must act, with the last log lines in the thread.
 */
export function createAnnounceDeployment(
  deps: SubscriberDeps,
): Subscriber<(typeof EVENTS)[number]> {
  return {
    name: "chat-announce-deployment",
    events: EVENTS,
    async handle(event) {
      const { number } = event.payload;
      const subject = deploymentSubject(number);
      const render = () => renderDeployment(deps, number);
      if (event.name === "deployment.requested" && isNews(event)) {
        await doAll(
          announcementPlaces(deps).map((place) => () => deps.posts.keep(place, subject, render)),
        );
      }
      await deps.posts.refresh(subject, render);
      if (event.name === "deployment.finished") {
        await announceOutcome(deps, number);
      }
    },
  };
}

/** The baseline of the first start is no news: nobody asked for it and nobody has to do anything. */
function isNews({ payload }: EventOf<"deployment.requested">): boolean {
  return payload.release !== null || payload.kind === "rollback";
}

async function announceOutcome(deps: SubscriberDeps, number: number): Promise<void> {
  const deployment = await deps.services.deployments.view(deps.systemActor, number);
  if (!hasFailed(deployment)) {
    return;
  }
  const subject = `${deploymentSubject(number)}/outcome`;
  const card = failureCard(deployment);
  const shown = { status: deployment.status };
  const places = await placesOf(deps, number);
  await doAll([
    ...places.map(
      (place) => () => deps.posts.keep(place, subject, async () => ({ subject, shown, card })),
    ),
    () => addLogs(deps, deployment),
  ]);
}

/** The announcement channels, and every channel where somebody watches this deployment. */
async function placesOf(deps: SubscriberDeps, number: number): Promise<readonly Place[]> {
  const posts = await deps.services.chatStore.findPosts(deploymentSubject(number));
  const places = [...announcementPlaces(deps), ...posts]
    .filter(({ platform }) => deps.platforms.has(platform))
    .map(
      ({ platform, channelId }) => [`${platform}:${channelId}`, { platform, channelId }] as const,
    );
  return [...new Map(places).values()];
}

/** The last lines of what failed, in the thread of the deployment's card. */
async function addLogs(deps: SubscriberDeps, deployment: DeploymentView): Promise<void> {
  const { number, results } = deployment;
  const failed = results.filter(({ state }) => state === "failed").slice(0, LOGGED_SERVICES);
  if (failed.length === 0) {
    return;
  }
  const lines = await readLogTail(deps.services.deployments, deps.systemActor, number);
  for (const { service } of failed) {
    const own = lines.filter((line) => line.service === service);
    if (own.length > 0) {
      const card = logCard(deployment, own, service);
      await deps.posts.addDetail(deploymentSubject(number), `log-${service}`, card);
    }
  }
}
