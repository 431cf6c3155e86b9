import type { RoomMessage } from "../../contract/room.ts";
import { importPeer } from "../paths.ts";
import { readStubCommand, stubAnswer } from "./stub-commands.ts";
import { serveStubRoom, type StubPost, type StubRoom } from "./room-stub.ts";

/** What is used of the Chat SDK; its own types are installed only where the benchmark runs. */
interface ChatSdk {
  readonly Chat: new (config: {
    userName: string;
    adapters: Record<string, unknown>;
    state: unknown;
    concurrency: "concurrent";
    logger: "silent";
  }) => ChatBot;
  readonly Message: new (data: unknown) => unknown;
  readonly createMemoryState: () => unknown;
  readonly parseMarkdown: (text: string) => unknown;
  readonly stringifyMarkdown: (ast: unknown) => string;
  readonly BaseFormatConverter: new () => { renderPostable(message: unknown): string };
}

interface ChatBot {
  initialize(): Promise<void>;
  onNewMention(
    take: (
      thread: { post(text: string): Promise<unknown> },
      message: { text: string },
    ) => Promise<void>,
  ): void;
  processMessage(
    adapter: unknown,
    threadId: string,
    message: () => Promise<unknown>,
  ): Promise<void>;
}

const sdk = await importPeer<ChatSdk>("chat-sdk.mjs");

class RoomFormat extends sdk.BaseFormatConverter {
  toAst(text: string): unknown {
    return sdk.parseMarkdown(text);
  }

  fromAst(ast: unknown): string {
    return sdk.stringifyMarkdown(ast);
  }
}

const format = new RoomFormat();
/** Whom an answer in a thread goes to. */
const questions = new Map<string, { readonly post: StubPost; readonly room: StubRoom }>();

/** An adapter as its guide describes one, with our socket behind it. A channel of the room is a thread here. */
const adapter = {
  name: "room",
  userName: "slipway",
  botUserId: "slipway",
  initialize: async () => undefined,
  encodeThreadId: (channel: string) => `room:${Buffer.from(channel).toString("base64url")}`,
  decodeThreadId: (id: string) => Buffer.from(id.slice("room:".length), "base64url").toString(),
  channelIdFromThreadId: (id: string) => id,
  parseMessage,
  postMessage: async (threadId: string, message: unknown) => {
    const channel = adapter.decodeThreadId(threadId);
    const asked = questions.get(channel);
    if (!asked) {
      throw new Error(`nobody asked in ${channel}`);
    }
    const answer = asked.room.answer(asked.post.message, format.renderPostable(message));
    asked.post.show(answer);
    return { id: answer.id, threadId, raw: answer };
  },
  renderFormatted: (ast: unknown) => format.fromAst(ast),
  handleWebhook: async () => new Response("the socket is the only way in", { status: 404 }),
  fetchMessages: async () => ({ messages: [], nextCursor: undefined }),
  fetchThread: async (id: string) => ({ id, channelId: id, metadata: {} }),
  startTyping: async () => undefined,
  editMessage: unused,
  deleteMessage: unused,
  addReaction: unused,
  removeReaction: unused,
};

// The strategy that waits for nothing, so that the peer is at its fastest.
const bot = new sdk.Chat({
  userName: "slipway",
  adapters: { room: adapter },
  state: sdk.createMemoryState(),
  concurrency: "concurrent",
  logger: "silent",
});
bot.onNewMention(async (thread, message) => {
  const command = readStubCommand(message.text);
  if (command) {
    await thread.post(stubAnswer(command));
  }
});
await bot.initialize();

await serveStubRoom((post, room) => {
  const { message } = post;
  questions.set(message.channel, { post, room });
  post.confirm();
  post.show(message);
  void bot.processMessage(adapter, adapter.encodeThreadId(message.channel), async () =>
    parseMessage(message),
  );
});

function parseMessage(raw: RoomMessage): unknown {
  return new sdk.Message({
    id: raw.id,
    threadId: adapter.encodeThreadId(raw.channel),
    text: raw.text,
    formatted: format.toAst(raw.text),
    raw,
    author: {
      userId: raw.author.subject,
      userName: raw.author.username,
      fullName: raw.author.name,
      isBot: raw.author.bot,
      isMe: raw.author.bot,
    },
    metadata: { dateSent: new Date(raw.createdAt), edited: false },
    attachments: [],
    isMention: raw.text.startsWith("@slipway"),
  });
}

async function unused(): Promise<never> {
  throw new Error("the benchmark does not use this");
}
