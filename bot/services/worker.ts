import { createDeploymentWorker } from "../../shared/app/deployments/deployment-worker.ts";
import { SWEEP_EVERY_MS } from "../../shared/app/forges/report-to-forges.ts";
import { REFRESH_EVERY_MS } from "../../shared/app/releases/refresh-open-releases.ts";
import type { Container } from "../../shared/container.ts";
import type { Clock } from "../../shared/core/ports/clock.ts";
import { createDispatcher, pruneDeliveries } from "../../shared/events/dispatcher.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { createScheduler } from "../../shared/lib/scheduler.ts";
import type { RunningService } from "./running-service.ts";

const HOUR_MS = 3_600_000;
/** A refresh asks source control about every repository of a release: two at a time leave room for people. */
const REFRESHES_AT_ONCE = 2;
const STOP_MS = 4_000;

/** Starts what works without being asked: deliveries of facts, background work, deployments, periodic jobs. */
export async function startWorker(deps: {
  readonly container: Container;
  /** Names of the subscribers that the chat part delivers to. */
  readonly ofChat: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<RunningService> {
  const { container, ofChat, clock, logger } = deps;
  const { services, queue, deliveries, signals } = container;
  const scheduler = createScheduler({ logger });
  const dispatcher = createDispatcher({
    deliveries,
    subscribers: container.subscribers.filter(({ name }) => !ofChat.includes(name)),
    elsewhere: ofChat,
    clock,
    logger,
  });
  const stopListening = signals.on("facts", () => dispatcher.wake());
  const deployments = createDeploymentWorker(container.deployments, { queue, scheduler });
  queue.work("release.refresh", { concurrency: REFRESHES_AT_ONCE }, (payload) =>
    container.releases.handleRefreshJob(payload),
  );
  queue.work("release.pull_requests", { concurrency: 1 }, (payload) =>
    container.releases.handlePullRequestsJob(payload),
  );
  if (container.forges.canTell) {
    queue.work("forge.report", { concurrency: 1 }, (payload, signal) =>
      container.forges.handleReportJob(payload, signal),
    );
    scheduler.every({
      name: "forges.sweep",
      everyMs: SWEEP_EVERY_MS,
      run: () => container.forges.sweep(),
    });
  }
  scheduler.every({
    name: "releases.refresh",
    everyMs: REFRESH_EVERY_MS,
    async run(signal) {
      await container.releases.refreshOpen(signal);
    },
  });
  scheduler.every({
    name: "storage.clean",
    everyMs: HOUR_MS,
    async run() {
      await services.sessions.removeExpired();
      await services.chatStore.removeExpired();
      await services.accounts.removeExpired();
      await pruneDeliveries({ deliveries, clock });
    },
  });

  dispatcher.start();
  queue.start();
  await deployments.start();
  return {
    name: "worker",
    async stop() {
      stopListening();
      await Promise.all([scheduler.stop(), deployments.stop()]);
      await queue.stop(STOP_MS);
      await dispatcher.stop(STOP_MS);
    },
  };
}
