import type { Actor, Services, StoredPost } from "../../shared/app/services.ts";
import type { LiveCard } from "../chat/live-card.ts";
import { deploymentLive } from "./deployment-card.ts";
import { outcomeLive } from "./deployment-outcome.ts";
import { environmentLive, type Gone } from "./environment-live.ts";
import { readyLive } from "./ready-card.ts";
import { releaseLive } from "./release-card.ts";

/** Draws the newest card of a thing that has a live message. Each throws what its view throws. */
export interface LiveRenderer {
  release(number: number): Promise<LiveCard>;
  /** `why` tells why approval was lost, when it was. */
  ready(number: number, why: string | null): Promise<LiveCard>;
  deployment(number: number): Promise<LiveCard>;
  outcome(number: number): Promise<LiveCard>;
  environment(name: string, gone?: Gone): Promise<LiveCard>;
  /** By the subject's name; undefined when nothing is known by it. `previous` is the message as it stands. */
  bySubject(subject: string, previous?: StoredPost): Promise<LiveCard | undefined>;
}

/** `actor` reads: the cards are the same for everybody. */
export function createLiveRenderer(
  services: Pick<Services, "releases" | "deployments" | "environments">,
  actor: Actor,
): LiveRenderer {
  const renderer: LiveRenderer = {
    release: async (number) => releaseLive(await services.releases.view(actor, number)),
    ready: async (number, why) => readyLive(await services.releases.view(actor, number), why),
    deployment: async (number) => deploymentLive(await services.deployments.view(actor, number)),
    outcome: async (number) => outcomeLive(await services.deployments.view(actor, number)),
    environment: async (name, gone) =>
      environmentLive(await services.environments.view(actor, name), gone),
    async bySubject(subject, previous) {
      const [, kind = "", id = ""] = /^([a-z]+)\/(.+)$/.exec(subject) ?? [];
      if (kind === "environment") {
        return renderer.environment(id);
      }
      const [, digits = "", part = ""] = /^([1-9]\d{0,8})(\/[a-z]+)?$/.exec(id) ?? [];
      const number = Number(digits);
      switch (digits === "" ? undefined : `${kind}${part}`) {
        case "release":
          return renderer.release(number);
        case "release/ready":
          return renderer.ready(number, whyShown(previous));
        case "deployment":
          return renderer.deployment(number);
        case "deployment/outcome":
          return renderer.outcome(number);
        default:
          return undefined;
      }
    },
  };
  return renderer;
}

/** Why approval was lost, as the announcement tells already. */
export function whyShown(previous: StoredPost | undefined): string | null {
  const why = previous?.shown["why"];
  return typeof why === "string" ? why : null;
}
