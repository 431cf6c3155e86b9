import type { Subscriber } from "../../shared/events/events.ts";
import { linkedCard } from "../cards/linked-card.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

/** Tells whoever asked for a link, where they asked for it and nobody else, that it was followed. */
export function createAnnounceAccount({
  posts,
  platform,
}: SubscriberDeps): Subscriber<"account.linked"> {
  return {
    name: "chat-announce-account",
    events: ["account.linked"],
    async handle({ payload, actor }) {
      if (payload.platform !== platform.id) {
        return;
      }
      await posts.tell(platform.id, payload.userId, {
        subject: `account/${payload.account}/linked`,
        shown: {},
        card: linkedCard(actor.name),
      });
    },
  };
}
