import type { ReleaseView, SignOffView } from "../../shared/contract/release.ts";
import type { Subscriber } from "../../shared/events/events.ts";
import { signAgainCard } from "../cards/sign-again-card.ts";
import { everyOne } from "../chat/every-one.ts";
import { releaseSubject } from "../chat/live-card.ts";
import type { SubscriberDeps } from "./subscriber-deps.ts";

/**
 * Writes to the people whose signature no longer counts, and to nobody else, with what changed since they signed. Each person is
 * written to on one platform.
 */
export function createAnnounceSignOff({
  services,
  posts,
  platform,
  addresses,
  systemActor,
}: SubscriberDeps): Subscriber<"release.sign_off_outdated"> {
  return {
    name: "chat-announce-sign-off",
    events: ["release.sign_off_outdated"],
    async handle({ payload: { number, signOffs }, seq }) {
      const release = await services.releases.view(systemActor, number);
      const wanted = release.status === "pending" ? signOffs : [];
      await everyOne(wanted, async ({ role, subject, changes }) => {
        const own = signOffOf(release, role, subject);
        if (!isMissing(release, role) || own?.state === "counts") {
          return;
        }
        const address = await addresses.atOnce(subject);
        if (address?.platform !== platform.id) {
          // Somebody else's, or nobody's.
          return;
        }
        // More may have changed since the fact; what counts is the difference to what they would sign now.
        const current = own?.state === "stale" ? own.changesSince : [];
        await posts.tell(platform.id, address.userId, {
          subject: `${releaseSubject(number)}/again/${seq}/${role}`,
          shown: { fingerprint: release.fingerprint },
          card: signAgainCard(release, role, current.length > 0 ? current : changes),
        });
      });
    },
  };
}

/** Nobody is asked for a signature that somebody else has given meanwhile. */
function isMissing({ progress }: ReleaseView, role: string): boolean {
  return progress.some((each) => each.role === role && each.have < each.needed);
}

/** What became of one person's signature in one role: one that counts, or else one that does not any more. */
function signOffOf(
  { signOffs }: ReleaseView,
  role: string,
  subject: string,
): SignOffView | undefined {
  const own = signOffs.filter((each) => each.role === role && each.person.subject === subject);
  return (
    own.find(({ state }) => state === "counts") ??
    own.find(({ state }) => state === "stale") ??
    own[0]
  );
}
