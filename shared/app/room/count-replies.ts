import { Op, type Transaction, type WhereOptions } from "sequelize";
import type { Actor } from "../../core/actor.ts";
import { RoomMessageRow } from "../../db/rows/room-message.ts";

/** The messages of a channel that somebody who may read it sees: private ones are for one person. */
export function visibleTo(actor: Actor): WhereOptions<RoomMessageRow> {
  return actor.kind === "system"
    ? {}
    : { [Op.or]: [{ visibleTo: null }, { visibleTo: actor.subject }] };
}

/** How many answers the actor sees below each message; none below those that are missing. */
export async function countReplies(
  actor: Actor,
  ids: readonly string[],
  transaction?: Transaction,
): Promise<ReadonlyMap<string, number>> {
  if (ids.length === 0) {
    return new Map();
  }
  const rows = await RoomMessageRow.count({
    where: { threadId: [...ids], ...visibleTo(actor) },
    group: ["threadId"],
    ...(transaction && { transaction }),
  });
  return new Map(rows.map((row) => [String(row["threadId"] ?? row["thread_id"]), row.count]));
}
