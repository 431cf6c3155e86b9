import { createHash } from "node:crypto";
import { Op, UniqueConstraintError } from "sequelize";
import type { Clock } from "../../core/ports/clock.ts";
import { subjectOf } from "../../db/event-of-row.ts";
import { currentFence } from "../../db/fence.ts";
import { ChatActionRow } from "../../db/rows/chat-action.ts";
import { ChatCursorRow } from "../../db/rows/chat-cursor.ts";
import { ChatDeliveryRow } from "../../db/rows/chat-delivery.ts";
import { ChatInboxRow } from "../../db/rows/chat-inbox.ts";
import { ChatPostRow } from "../../db/rows/chat-post.ts";
import { EventRow } from "../../db/rows/event.ts";
import { createSharedWork } from "../../db/shared-work.ts";
import type { Tx, UnitOfWork } from "../../db/unit-of-work.types.ts";
import { newId } from "../../lib/ids.ts";
import type { ChatStoreServices, StoredPost } from "../services.ts";

/** No platform delivers again after this long. */
const KEEP_DELIVERIES_MS = 3 * 24 * 60 * 60_000;
/** Whatever nobody has taken from the inbox for this long, nobody will. */
const KEEP_INBOX_MS = 24 * 60 * 60_000;
/** Facts that tell what somebody tried or who they are, and not that something was done for them. */
const NO_CHANGES = ["access.denied", "person.signed_in", "person.signed_out"];
/** More changes than one command makes. */
const MOST_CHANGES = 50;
/** What fits into the column together with the platform. */
const DELIVERY_ID_LIMIT = 200;

/** What the chat runtime remembers across restarts. */
export function createChatStoreServices(deps: {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  /** This process, see `processIdentity`: chat is one process at a time, so what another one has taken and not finished is free. */
  readonly taker: string;
}): ChatStoreServices {
  const { uow, clock } = deps;
  const addDelivery = createSharedWork(uow, addDeliveries);
  const endDelivery = createSharedWork(uow, endDeliveries);

  return {
    async saveActions(actions) {
      if (actions.length === 0) {
        return;
      }
      const createdAt = clock.now();
      await uow.run((tx) =>
        ChatActionRow.bulkCreate(
          actions.map((action) => ({ ...action, createdAt })),
          { transaction: tx.sequelize },
        ),
      );
    },

    async bindActions(tokens, { channelId, messageId }) {
      if (tokens.length === 0) {
        return;
      }
      await uow.run((tx) =>
        ChatActionRow.update(
          { channelId, messageId },
          { where: { token: [...tokens] }, transaction: tx.sequelize },
        ),
      );
    },

    async findAction(token) {
      const row = await ChatActionRow.findByPk(token);
      return (
        row && {
          action: row.action,
          payload: row.payload,
          platform: row.platform,
          channelId: row.channelId,
          messageId: row.messageId,
          expiresAt: row.expiresAt,
        }
      );
    },

    async takeDelivery(platform, deliveryId) {
      const id = deliveryKey(platform, deliveryId);
      try {
        return await addDelivery(id);
      } catch (error) {
        if (!(error instanceof UniqueConstraintError)) {
          throw error;
        }
        // One of those that came together is known already: each is tried alone.
        const isNew = await isFirst(() => uow.run((tx) => addDeliveries(tx, [id])));
        return isNew ? "new" : takeAgain(id);
      }
    },

    async finishDelivery(platform, deliveryId) {
      await endDelivery(deliveryKey(platform, deliveryId));
    },

    async changesUnder(correlationId, since) {
      const rows = await EventRow.findAll({
        attributes: ["subjectKind", "subjectId"],
        where: {
          occurredAt: { [Op.gte]: since },
          correlationId,
          name: { [Op.notIn]: NO_CHANGES },
        },
        order: ["seq"],
        limit: MOST_CHANGES,
      });
      return rows.map(subjectOf);
    },

    async findPosts(subject) {
      const rows = await ChatPostRow.findAll({ where: { subject }, order: ["postedAt"] });
      return rows.map(toStoredPost);
    },

    async newestPost({ platform, channelId }, subject) {
      const row = await ChatPostRow.findOne({
        where: { subject, platform, channelId },
        order: [["postedAt", "DESC"]],
      });
      return row && toStoredPost(row);
    },

    async postAt({ platform, channelId, messageId }) {
      const row = await ChatPostRow.findOne({ where: { platform, channelId, messageId } });
      return row && toStoredPost(row);
    },

    async claimPost(post) {
      return isFirst(() =>
        uow.run((tx) =>
          ChatPostRow.create(
            { ...columnsOf(post), id: newId(), messageId: null, editedAt: null },
            { transaction: tx.sequelize },
          ),
        ),
      );
    },

    async savePost(post) {
      const { messageId, editedAt } = post;
      const { subject, platform, channelId, ...changed } = columnsOf(post);
      await uow.run(async (tx) => {
        const [count] = await ChatPostRow.update(
          { ...changed, messageId, editedAt },
          { where: { subject, platform, channelId }, transaction: tx.sequelize },
        );
        if (count === 0) {
          await ChatPostRow.create(
            { ...columnsOf(post), id: newId(), messageId, editedAt },
            { transaction: tx.sequelize },
          );
        }
      });
    },

    async forgetPost(subject, platform, channelId) {
      await uow.run((tx) =>
        ChatPostRow.destroy({
          where: { subject, platform, channelId },
          transaction: tx.sequelize,
        }),
      );
    },

    async findCursors(platform) {
      const rows = await ChatCursorRow.findAll({ where: { platform } });
      return rows.map(({ channelId, messageId, sentAt }) => ({ channelId, messageId, sentAt }));
    },

    async saveCursors(platform, cursors) {
      if (cursors.length === 0) {
        return;
      }
      await uow.run((tx) =>
        ChatCursorRow.bulkCreate(
          cursors.map(({ channelId, messageId, sentAt }) => {
            return { platform, channelId, messageId, sentAt };
          }),
          { updateOnDuplicate: ["messageId", "sentAt"], transaction: tx.sequelize },
        ),
      );
    },

    async removeExpired() {
      const now = clock.now();
      await uow.run(async (tx) => {
        await ChatActionRow.destroy({
          where: { expiresAt: { [Op.lte]: now } },
          transaction: tx.sequelize,
        });
        await ChatDeliveryRow.destroy({
          where: { receivedAt: { [Op.lt]: new Date(now.getTime() - KEEP_DELIVERIES_MS) } },
          transaction: tx.sequelize,
        });
        await ChatInboxRow.destroy({
          where: { leftAt: { [Op.lt]: new Date(now.getTime() - KEEP_INBOX_MS) } },
          transaction: tx.sequelize,
        });
      });
    },
  };

  async function addDeliveries(tx: Tx, ids: readonly string[]): Promise<readonly "new"[]> {
    const receivedAt = clock.now();
    await ChatDeliveryRow.bulkCreate(
      ids.map((id) => ({ id, receivedAt, takenBy: taker() })),
      { transaction: tx.sequelize },
    );
    return ids.map(() => "new" as const);
  }

  /** A delivery that somebody has taken is free again when they are gone and had not finished. */
  async function takeAgain(id: string): Promise<"again" | "known"> {
    const me = taker();
    const count = await uow.run(async (tx) => {
      const [changed] = await ChatDeliveryRow.update(
        { takenBy: me },
        {
          where: { id, doneAt: null, takenBy: { [Op.ne]: me } },
          transaction: tx.sequelize,
        },
      );
      return changed;
    });
    return count === 1 ? "again" : "known";
  }

  async function endDeliveries(tx: Tx, ids: readonly string[]): Promise<readonly true[]> {
    await ChatDeliveryRow.update(
      { doneAt: clock.now() },
      { where: { id: [...ids] }, transaction: tx.sequelize },
    );
    return ids.map(() => true);
  }

  /** Whoever deals with deliveries now: this holding of the right to run chat, or the process where it needs none. */
  function taker(): string {
    return currentFence()?.id ?? deps.taker;
  }
}

/** Whether a row whose key only one may have could be added. */
async function isFirst(add: () => Promise<unknown>): Promise<boolean> {
  try {
    await add();
    return true;
  } catch (error) {
    if (error instanceof UniqueConstraintError) {
      return false;
    }
    throw error;
  }
}

function deliveryKey(platform: string, deliveryId: string): string {
  const id =
    deliveryId.length <= DELIVERY_ID_LIMIT
      ? deliveryId
      : createHash("sha256").update(deliveryId).digest("hex");
  return `${platform}/${id}`;
}

function columnsOf(post: Omit<StoredPost, "messageId" | "editedAt">) {
  const { subject, platform, channelId, threadId, contentHash, shown, postedAt } = post;
  return { subject, platform, channelId, threadId, contentHash, shown, postedAt };
}

function toStoredPost(row: ChatPostRow): StoredPost {
  return { ...columnsOf(row), messageId: row.messageId, editedAt: row.editedAt };
}
