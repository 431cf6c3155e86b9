import type { Subscriber } from "../../shared/events/events.ts";
import { signAgainCard } from "../cards/sign-again-card.ts";
import { releaseSubject } from "../chat/live-card.ts";
import { doAll, type SubscriberDeps } from "./subscriber-deps.ts";

/** Writes to the people whose signature no longer counts, and to nobody else, with what changed since they signed. */
export function createAnnounceSignOff(
  deps: SubscriberDeps,
): Subscriber<"release.sign_off_outdated"> {
  return {
    name: "chat-announce-sign-off",
    events: ["release.sign_off_outdated"],
    async handle({ payload: { number, signOffs }, seq }) {
      const release = await deps.services.releases.view(deps.systemActor, number);
      if (release.status !== "pending") {
        return;
      }
      const platforms = [...deps.platforms.values()].filter(
        (platform) => platform.features.usersAreSubjects === true,
      );
      await doAll(
        platforms.flatMap(({ id }) =>
          signOffs
            .filter(({ role }) => isMissing(release.progress, role))
            .map(({ role, subject, changes }) => () => {
              const card = signAgainCard(release, role, changes);
              const name = `${releaseSubject(number)}/again/${seq}/${role}`;
              return deps.posts.tell(id, subject, { subject: name, shown: {}, card });
            }),
        ),
      );
    },
  };
}

/** Nobody is asked for a signature that somebody else has given meanwhile. */
function isMissing(
  progress: readonly { readonly role: string; readonly have: number; readonly needed: number }[],
  role: string,
): boolean {
  return progress.some((each) => each.role === role && each.have < each.needed);
}
