import { createHash } from "node:crypto";
import { Op, UniqueConstraintError } from "sequelize";
import type { Clock } from "../../core/ports/clock.ts";
import { ChatActionRow } from "../../db/rows/chat-action.ts";
import { ChatCursorRow } from "../../db/rows/chat-cursor.ts";
import { ChatDeliveryRow } from "../../db/rows/chat-delivery.ts";
import { ChatPostRow } from "../../db/rows/chat-post.ts";
import { createSharedWork } from "../../db/shared-work.ts";
import type { Tx, UnitOfWork } from "../../db/unit-of-work.types.ts";
import { newId } from "../../lib/ids.ts";
import type { ChatStoreServices, StoredPost } from "../services.ts";

/** No platform delivers again after this long. */
const KEEP_DELIVERIES_MS = 3 * 24 * 60 * 60_000;
/** What fits into the column together with the platform. */
const DELIVERY_ID_LIMIT = 200;

/** What the chat runtime remembers across restarts. */
export function createChatStoreServices(deps: {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
}): ChatStoreServices {
  const { uow, clock } = deps;
  const addDelivery = createSharedWork(uow, addDeliveries);

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
        return isFirst(() => uow.run((tx) => addDeliveries(tx, [id])));
      }
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
      });
    },
  };

  async function addDeliveries(tx: Tx, ids: readonly string[]): Promise<readonly true[]> {
    const receivedAt = clock.now();
    await ChatDeliveryRow.bulkCreate(
      ids.map((id) => ({ id, receivedAt })),
      { transaction: tx.sequelize },
    );
    return ids.map(() => true);
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
