import type { Transaction } from "sequelize";
import type { PersonRef } from "../../contract/common.ts";
import { systemActor } from "../../core/actor.ts";
import { PersonRow } from "../../db/rows/person.ts";

/** People by subject. Somebody unknown is shown by their subject, Slipway itself by its name. */
export async function personRefs(
  subjects: Iterable<string | null>,
  transaction: Transaction | null = null,
): Promise<(subject: string) => PersonRef> {
  const wanted = new Set<string>();
  for (const subject of subjects) {
    if (subject !== null && subject !== systemActor.subject) {
      wanted.add(subject);
    }
  }
  const rows =
    wanted.size === 0
      ? []
      : await PersonRow.findAll({
          where: { subject: [...wanted] },
          attributes: ["subject", "username", "name"],
          transaction,
        });
  const known = new Map<string, PersonRef>(
    rows.map(({ subject, username, name }) => [subject, { subject, username, name }]),
  );
  const { subject, username, name } = systemActor;
  known.set(subject, { subject, username, name });
  return (wantedSubject) =>
    known.get(wantedSubject) ?? {
      subject: wantedSubject,
      username: wantedSubject,
      name: wantedSubject,
    };
}
