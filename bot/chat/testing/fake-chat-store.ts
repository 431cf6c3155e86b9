import type { ChatCursor, ChatStoreServices, StoredPost } from "../../../shared/app/services.ts";

type StoredAction = NonNullable<Awaited<ReturnType<ChatStoreServices["findAction"]>>>;

/** The chat store in memory, with the same promises as the real one. */
export interface FakeChatStore extends ChatStoreServices {
  readonly actions: ReadonlyMap<string, StoredAction>;
  readonly posts: readonly StoredPost[];
}

export function createFakeChatStore(): FakeChatStore {
  const actions = new Map<string, StoredAction>();
  const deliveries = new Set<string>();
  const cursors = new Map<string, ChatCursor>();
  let posts: StoredPost[] = [];

  return {
    actions,
    get posts() {
      return posts;
    },
    async saveActions(added) {
      for (const { token, ...action } of added) {
        // As a database does, so that nothing survives which JSON cannot carry.
        const payload: unknown = JSON.parse(JSON.stringify(action.payload));
        actions.set(token, { ...action, payload, channelId: null, messageId: null });
      }
    },
    async bindActions(tokens, place) {
      for (const token of tokens) {
        const action = actions.get(token);
        if (action) {
          actions.set(token, { ...action, ...place });
        }
      }
    },
    findAction: async (token) => actions.get(token) ?? null,
    async takeDelivery(platform, deliveryId) {
      const id = `${platform}/${deliveryId}`;
      const isNew = !deliveries.has(id);
      deliveries.add(id);
      return isNew;
    },
    findPosts: async (subject) => posts.filter((post) => post.subject === subject),
    newestPost: async (place, subject) =>
      posts.find(
        (post) =>
          post.subject === subject &&
          post.platform === place.platform &&
          post.channelId === place.channelId,
      ) ?? null,
    async claimPost(post) {
      if (posts.some((other) => isSame(other, post))) {
        return false;
      }
      posts.push({ ...post, messageId: null, editedAt: null });
      return true;
    },
    async savePost(post) {
      posts = [...posts.filter((other) => !isSame(other, post)), post];
    },
    async postAt(message) {
      const { platform, channelId, messageId } = message;
      const found = posts.find(
        (post) =>
          post.platform === platform &&
          post.channelId === channelId &&
          post.messageId === messageId,
      );
      return found ?? null;
    },
    async forgetPost(subject, platform, channelId) {
      posts = posts.filter((post) => !isSame(post, { subject, platform, channelId }));
    },
    async findCursors(platform) {
      return [...cursors].flatMap(([key, cursor]) =>
        key.startsWith(`${platform}/`) ? [cursor] : [],
      );
    },
    async saveCursors(platform, saved) {
      saved.forEach((cursor) => cursors.set(`${platform}/${cursor.channelId}`, cursor));
    },
    async removeExpired() {},
  };
}

type Key = Pick<StoredPost, "subject" | "platform" | "channelId">;

function isSame(a: Key, b: Key): boolean {
  return a.subject === b.subject && a.platform === b.platform && a.channelId === b.channelId;
}
