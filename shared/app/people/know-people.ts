import type { Actor, Via } from "../../core/actor.ts";
import { systemActor } from "../../core/actor.ts";
import type { RefreshedClaims } from "../../core/ports/claims-source.ts";
import { PersonRow } from "../../db/rows/person.ts";
import type { Tx } from "../../db/unit-of-work.types.ts";
import { IdentityUnavailable, PersonInactive, SignInRequired } from "../../errors/catalog.ts";
import { grantsOf } from "./grants-of.ts";
import type { PeopleDeps } from "./people-deps.ts";
import { createShortCache } from "./short-cache.ts";

/** Claims older than this are asked again before the person acts: deprovisioned people lose access within a minute. */
const CLAIMS_GOOD_FOR_MS = 60_000;
/** Without an answer from the identity provider people may go on reading this long. */
const READING_GOOD_FOR_MS = 3_600_000;

/** A person as the rows tell, without Sequelize. */
export interface KnownPerson {
  readonly subject: string;
  readonly username: string;
  readonly name: string;
  readonly email: string | null;
  readonly issuer: string;
  readonly claims: Pick<RefreshedClaims, "groups" | "realmRoles" | "clientRoles">;
  readonly claimsCheckedAt: Date;
  readonly refreshToken: string | null;
  readonly active: boolean;
}

/** Who people are, kept true by asking the identity provider. */
export interface KnowPeople {
  /** Stores what the identity provider said and answers with the person as they may act now. */
  remember(
    claims: RefreshedClaims,
    refreshToken: string | null,
    via: Via,
    tell?: (tx: Tx, actor: Actor) => Promise<void>,
  ): Promise<Actor>;
  actorOf(subject: string, via: Via): Promise<Actor>;
}

export function createKnowPeople(deps: PeopleDeps): KnowPeople {
  const { uow, clock, logger, claimsSource, secretBox } = deps;
  const people = createShortCache<KnownPerson>(clock);
  const asking = new Map<string, Promise<KnownPerson>>();

  return { remember, actorOf };

  async function remember(
    claims: RefreshedClaims,
    refreshToken: string | null,
    via: Via,
    tell?: (tx: Tx, actor: Actor) => Promise<void>,
  ): Promise<Actor> {
    const person = toKnownPerson(claims, refreshToken, clock.now());
    const actor = toActor(person, via);
    await uow.run(async (tx) => {
      await store(person, tx);
      await tell?.(tx, actor);
    });
    people.forget(claims.subject);
    return actor;
  }

  async function actorOf(subject: string, via: Via): Promise<Actor> {
    const person = await people.get(subject, () => readPerson(subject));
    if (!person) {
      throw new SignInRequired({});
    }
    if (!person.active) {
      throw new PersonInactive({ name: person.name });
    }
    if (isFresh(person)) {
      return toActor(person, via);
    }
    const age = clock.now().getTime() - person.claimsCheckedAt.getTime();
    try {
      return toActor(await confirm(person), via);
    } catch (error) {
      if (error instanceof IdentityUnavailable && age < READING_GOOD_FOR_MS) {
        return { ...toActor(person, via), unconfirmed: { issuer: person.issuer } };
      }
      throw error;
    }
  }

  /** Asks the identity provider once, however many ask at the same time. */
  function confirm(person: KnownPerson): Promise<KnownPerson> {
    const running = asking.get(person.subject);
    if (running) {
      return running;
    }
    const answer = deps
      .exclusive(`claims/${person.subject}`, () => askUnlessKnown(person))
      .finally(() => {
        asking.delete(person.subject);
        people.forget(person.subject);
      });
    asking.set(person.subject, answer);
    return answer;
  }

  /** Another process may have asked while this one waited, and a refresh token may be good for one use. */
  async function askUnlessKnown(person: KnownPerson): Promise<KnownPerson> {
    const now = (await readPerson(person.subject)) ?? person;
    if (!now.active) {
      throw new PersonInactive({ name: now.name });
    }
    return isFresh(now) ? now : ask(now);
  }

  function isFresh({ claimsCheckedAt }: KnownPerson): boolean {
    return clock.now().getTime() - claimsCheckedAt.getTime() < CLAIMS_GOOD_FOR_MS;
  }

  async function ask(person: KnownPerson): Promise<KnownPerson> {
    const refreshToken = person.refreshToken === null ? null : secretBox.open(person.refreshToken);
    const answer = await claimsSource.refresh({ subject: person.subject, refreshToken });
    if (answer === "deactivated") {
      await deactivate(person);
      throw new PersonInactive({ name: person.name });
    }
    const confirmed = toKnownPerson(answer.claims, answer.refreshToken, clock.now());
    await uow.run((tx) => store(confirmed, tx));
    return confirmed;
  }

  async function deactivate(person: KnownPerson): Promise<void> {
    await uow.run(async (tx) => {
      const [count] = await PersonRow.update(
        { active: false, refreshToken: null },
        { where: { subject: person.subject, active: true }, transaction: tx.sequelize },
      );
      if (count > 0) {
        await tx.emit({
          name: "person.deactivated",
          payload: {
            username: person.username,
            why: "the identity provider no longer vouches for them",
          },
          actor: systemActor,
          subject: { kind: "person", id: person.subject },
        });
      }
    });
    people.forget(person.subject);
    await deps.endSessions(person.subject);
    logger.info({ subject: person.subject }, "person lost access");
  }

  async function store(person: KnownPerson, tx: Tx): Promise<void> {
    const { subject, ...told } = person;
    const now = clock.now();
    const [count] = await PersonRow.update(
      { ...told, lastSeenAt: now },
      { where: { subject }, transaction: tx.sequelize },
    );
    if (count === 0) {
      await PersonRow.create(
        { ...person, createdAt: now, lastSeenAt: now },
        { transaction: tx.sequelize },
      );
    }
  }

  function toKnownPerson(
    { groups, realmRoles, clientRoles, ...who }: RefreshedClaims,
    refreshToken: string | null,
    claimsCheckedAt: Date,
  ): KnownPerson {
    return {
      ...who,
      claims: { groups, realmRoles, clientRoles },
      claimsCheckedAt,
      refreshToken: refreshToken === null ? null : secretBox.seal(refreshToken),
      active: true,
    };
  }

  function toActor(person: KnownPerson, via: Via): Actor {
    return {
      kind: "person",
      subject: person.subject,
      username: person.username,
      name: person.name,
      email: person.email,
      grants: grantsOf(person.claims, deps.rules),
      via,
    };
  }
}

async function readPerson(subject: string): Promise<KnownPerson | null> {
  const row = await PersonRow.findByPk(subject);
  return (
    row && {
      subject: row.subject,
      username: row.username,
      name: row.name,
      email: row.email ?? null,
      issuer: row.issuer,
      claims: row.claims,
      claimsCheckedAt: row.claimsCheckedAt,
      refreshToken: row.refreshToken ?? null,
      active: row.active,
    }
  );
}
