import type { Transaction } from "sequelize";
import type { PersonRef } from "../../contract/common.ts";
import { systemActor } from "../../core/actor.ts";
import { PersonRow } from "../../db/rows/person.ts";

/** Somebody as others see them, with the e-mail address commits are recognised by. */
export interface KnownPerson extends PersonRef {
  readonly email: string | null;
}

/** People by subject. Slipway itself is among them; somebody never heard of answers to their subject. */
export interface People {
  of(subject: string): KnownPerson;
  ref(subject: string): PersonRef;
}

/** Reads the named people in one query. */
export async function loadPeople(
  subjects: Iterable<string | null | undefined>,
  transaction: Transaction | null = null,
): Promise<People> {
  const wanted = [...new Set(subjects)].filter(
    (subject): subject is string => typeof subject === "string" && subject !== systemActor.subject,
  );
  const rows =
    wanted.length === 0
      ? []
      : await PersonRow.findAll({
          attributes: ["subject", "username", "name", "email"],
          where: { subject: wanted },
          transaction,
        });
  const known = new Map<string, KnownPerson>(
    rows.map(({ subject, username, name, email }) => [
      subject,
      { subject, username, name, email: email ?? null },
    ]),
  );
  const { subject, username, name } = systemActor;
  known.set(subject, { subject, username, name, email: null });

  function of(wantedSubject: string): KnownPerson {
    return (
      known.get(wantedSubject) ?? {
        subject: wantedSubject,
        username: wantedSubject,
        name: wantedSubject,
        email: null,
      }
    );
  }
  return {
    of,
    ref(wantedSubject) {
      const person = of(wantedSubject);
      return { subject: person.subject, username: person.username, name: person.name };
    },
  };
}
