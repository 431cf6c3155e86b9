import type { Subscriber } from "../../shared/events/events.ts";
import { createAnnounceDeployment } from "./announce-deployment.ts";
import { createAnnounceRelease } from "./announce-release.ts";
import { createAnnounceSignOff } from "./announce-sign-off.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

/**
 * Everything that turns facts into messages. `deps` are read when facts arrive, so they may be completed after the storage that
 * has to know the subscribers' names. Facts come at least once; each reader is idempotent.
 */
export function createChatSubscribers(deps: SubscriberDeps): readonly Subscriber[] {
  return [createAnnounceRelease(deps), createAnnounceSignOff(deps), createAnnounceDeployment(deps)];
}
