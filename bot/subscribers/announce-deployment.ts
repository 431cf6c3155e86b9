import type { DeploymentView } from "../../shared/contract/deployment.ts";
import type { EventOf, Subscriber } from "../../shared/events/events.ts";
import { needsAction, serviceFailureCard } from "../cards/deployment-outcome.ts";
import { everyOne } from "../chat/every-one.ts";
import { deploymentSubject, outcomeSubject } from "../chat/live-card.ts";
import type { Place } from "../chat/platform.ts";
import { readLogTail } from "../chat/log-tail.ts";
import type { Concern } from "./announcement-places.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

const EVENTS = [
  "deployment.requested",
  "deployment.started",
  "deployment.step_changed",
  "deployment.resumed",
  "deployment.cancel_requested",
  "deployment.finished",
] as const;

/** Services explained in the thread; a failure of more is one failure with many faces. */
const EXPLAINED_SERVICES = 5;
/** How many cards of deployments that a rollback undid are renewed; nobody looks at older ones. */
const UNDONE_SHOWN = 50;

/**
 * One live card per deployment, in the announcement channels and wherever somebody asked for it. It is edited as the services
 * progress; what failed is explained in the thread. The end is an edit when it went well, and a new message when people must
 * act.
 */
export function createAnnounceDeployment(
  deps: SubscriberDeps,
): Subscriber<(typeof EVENTS)[number]> {
  const { cards, places, render, services, systemActor } = deps;

  return {
    name: "chat-announce-deployment",
    events: EVENTS,
    async handle(event) {
      const { number } = event.payload;
      const subject = deploymentSubject(number);
      const draw = () => render.deployment(number);
      if (event.name === "deployment.requested" && isNews(event)) {
        await places.announce(concernOf(deps, number), (place) =>
          cards.keep(place, subject, event, draw),
        );
      }
      await cards.refresh(subject, event, draw, { urgent: event.name === "deployment.finished" });
      if (event.name === "deployment.step_changed" && event.payload.status === "failed") {
        const deployment = await services.deployments.view(systemActor, number);
        await explain(deps, deployment, [event.payload.service]);
      }
      if (event.name === "deployment.finished") {
        await finish(deps, event);
      }
    },
  };
}

/** The baseline of the first start is no news: nobody asked for it and nobody has to do anything. */
function isNews({ payload, actor }: EventOf<"deployment.requested">): boolean {
  return payload.release !== null || payload.kind === "rollback" || actor.platform !== "system";
}

async function finish(deps: SubscriberDeps, event: EventOf<"deployment.finished">): Promise<void> {
  const { services, systemActor } = deps;
  const { number, kind, status } = event.payload;
  const deployment = await services.deployments.view(systemActor, number);
  if (needsAction(deployment)) {
    await callToAct(deps, event);
    const failed = deployment.results.filter(({ state }) => state === "failed");
    await explain(
      deps,
      deployment,
      failed.map(({ service }) => service),
    );
  }
  if (kind === "rollback" && status === "succeeded") {
    await refreshUndone(deps, event);
  }
}

function concernOf(
  { services, systemActor }: SubscriberDeps,
  number: number,
): () => Promise<Concern> {
  return async () => {
    const { environment, services: names } = await services.deployments.view(systemActor, number);
    return { environment, services: names };
  };
}

/** Wherever the deployment is watched, and in the announcement channels: also for a baseline that was no news. */
async function callToAct(
  deps: SubscriberDeps,
  event: EventOf<"deployment.finished">,
): Promise<void> {
  const { cards, places, render } = deps;
  const { number } = event.payload;
  const watched = await cards.placesOf(deploymentSubject(number));
  const tell = (place: Place) =>
    cards.keep(place, outcomeSubject(number), event, () => render.outcome(number));
  await everyOne(
    [
      () => everyOne(watched, tell),
      () =>
        places.announce(concernOf(deps, number), async (place) => {
          if (!watched.some(({ channelId }) => channelId === place.channelId)) {
            await tell(place);
          }
        }),
    ],
    (work) => work(),
  );
}

/** Why services failed, with the last lines of their logs, once each, in the thread of the deployment's card. */
async function explain(
  { cards, platform, posts, services, systemActor }: SubscriberDeps,
  deployment: DeploymentView,
  failed: readonly string[],
): Promise<void> {
  const subject = deploymentSubject(deployment.number);
  if (
    failed.length === 0 ||
    !platform.features.threads ||
    (await cards.placesOf(subject)).length === 0
  ) {
    return;
  }
  const log = await readLogTail(services.deployments, systemActor, deployment.number);
  for (const service of failed.slice(0, EXPLAINED_SERVICES)) {
    const content = serviceFailureCard(deployment, service, log);
    await posts.addDetail(subject, `failed-${service}`, content, platform.id);
  }
}

/** After a rollback the cards of what it undid say so, and lose the buttons that make no sense any more. */
async function refreshUndone(
  { cards, render, services, systemActor }: SubscriberDeps,
  event: EventOf<"deployment.finished">,
): Promise<void> {
  const { environment } = event.payload;
  const undone = await services.deployments.list(systemActor, {
    environment,
    status: "rolled_back",
    limit: UNDONE_SHOWN,
    offset: 0,
  });
  await everyOne(undone.items, async ({ number }) => {
    await cards.refresh(deploymentSubject(number), event, () => render.deployment(number));
    await cards.refresh(outcomeSubject(number), event, () => render.outcome(number));
  });
}
