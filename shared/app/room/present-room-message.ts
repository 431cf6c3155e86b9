import type { RoomAction, RoomCard } from "../../contract/card.ts";
import type { RoomMessage } from "../../contract/room.ts";
import type { RoomMessageRow } from "../../db/rows/room-message.ts";

/** A stored message as the room shows it. `replyCount` counts the answers in its thread. */
export function presentRoomMessage(row: RoomMessageRow, replyCount: number): RoomMessage {
  return {
    id: row.id,
    seq: row.seq,
    channel: row.channel,
    threadId: row.threadId,
    author: {
      subject: row.authorSubject,
      username: row.authorUsername,
      name: row.authorName,
      bot: row.bot,
    },
    text: row.text,
    card: row.card,
    actions: actionsOf(row.card),
    ephemeral: row.visibleTo !== null,
    replyCount,
    createdAt: row.createdAt.toISOString(),
    editedAt: row.editedAt?.toISOString() ?? null,
  };
}

/** Everything that can be pressed on a card, flat. */
export function actionsOf(card: RoomCard | null): RoomAction[] {
  return (card?.blocks ?? []).flatMap((block) => (block.type === "actions" ? block.actions : []));
}
