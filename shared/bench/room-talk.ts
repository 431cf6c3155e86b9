import type { RoomServerFrame } from "../contract/room.ts";
import type { Conversation } from "./load.ts";
import { connectRoom, type RoomClient } from "./room-client.ts";

/** Many people who talk at once, each over a socket and in a thread of their own, and one who listens. */
export interface Talk {
  readonly name: string;
  /** Asks the bot something that changes nothing, and waits for its answer. */
  readonly questions: Conversation;
  /** Has the bot change a release, and waits for its answer. */
  readonly changes: Conversation;
  /** Says something to nobody in particular, and waits until the room has taken it. */
  readonly posts: Conversation;
  close(): Promise<void>;
}

const LONGEST_ANSWER_MS = 20_000;

/** What is waited for in one lane, the oldest first. */
interface Waiting {
  readonly text: string;
  readonly done: () => void;
  readonly fail: (error: Error) => void;
}

export async function openTalk(options: {
  readonly name: string;
  readonly url: string;
  readonly token?: string | undefined;
  /** One for each lane. */
  readonly releases: readonly number[];
  readonly channel: (lane: number) => string;
}): Promise<Talk> {
  const { name, url, token, releases, channel } = options;
  /** By thread for answers, by reference for confirmations. */
  const waiting = new Map<string, Waiting[]>();
  let count = 0;
  const listener = await connectRoom(url, { token, listens: true });
  listener.onFrame(onAnswer);
  const speakers = await Promise.all(
    releases.map(async (_, lane) => {
      const client = await connectRoom(url, { token, listens: false });
      return { client, threadId: await beginThread(client, channel(lane)) };
    }),
  );
  speakers.forEach(({ client }) => client.onFrame(onConfirmation));

  return {
    name,
    questions: conversation(() => "@slipway whoami", "answer"),
    changes: conversation((lane, index) => {
      const notes = `Change ${index}: faster sign-in, and a new billing page.`;
      return `@slipway notes ${String(releases[lane])} "${notes}"`;
    }, "answer"),
    posts: conversation((_, index) => `Build ${index} is green, have a look.`, "confirmation"),
    async close() {
      const clients = [listener, ...speakers.map(({ client }) => client)];
      await Promise.all(clients.map((client) => client.close()));
    },
  };

  function conversation(
    words: (lane: number, index: number) => string,
    waitFor: "answer" | "confirmation",
  ): Conversation {
    return {
      lanes: releases.length,
      ask: (lane) =>
        new Promise((resolve, reject) => {
          const speaker = speakers[lane];
          if (!speaker) {
            throw new Error(`nobody speaks in lane ${lane}`);
          }
          const { client, threadId } = speaker;
          count += 1;
          const ref = String(count);
          const text = words(lane, count);
          expect(waitFor === "answer" ? threadId : ref, text, resolve, reject);
          client.send({ type: "post", ref, channel: channel(lane), threadId, text });
        }),
    };
  }

  function expect(
    key: string,
    text: string,
    resolve: () => void,
    reject: (error: Error) => void,
  ): void {
    const timer = setTimeout(
      () => reject(new Error(`${name} did not answer: ${text}`)),
      LONGEST_ANSWER_MS,
    );
    const queue = waiting.get(key) ?? [];
    waiting.set(key, queue);
    queue.push({
      text,
      done: () => {
        clearTimeout(timer);
        resolve();
      },
      fail: (error) => {
        clearTimeout(timer);
        reject(error);
      },
    });
  }

  function onAnswer(frame: RoomServerFrame): void {
    if (frame.type === "message" && frame.message.author.bot && frame.message.threadId !== null) {
      settle(frame.message.threadId)?.done();
    }
  }

  function onConfirmation(frame: RoomServerFrame): void {
    if (frame.type === "ok") {
      settle(frame.ref)?.done();
    } else if (frame.type === "error") {
      const refused = new Error(`${name} refused: ${frame.code} ${frame.message}`);
      settle(frame.ref ?? "")?.fail(refused);
    }
  }

  function settle(key: string): Waiting | undefined {
    const queue = waiting.get(key);
    const oldest = queue?.shift();
    if (queue?.length === 0) {
      waiting.delete(key);
    }
    return oldest;
  }
}

/** Says the first message of a thread; resolves with its id. */
function beginThread(client: RoomClient, channel: string): Promise<string> {
  return new Promise((done, fail) => {
    client.onFrame((frame) => {
      if (frame.type === "ok" && frame.ref === "thread" && frame.messageId !== null) {
        done(frame.messageId);
      } else if (frame.type === "error") {
        fail(new Error(`no thread could be begun: ${frame.code} ${frame.message}`));
      }
    });
    client.send({ type: "post", ref: "thread", channel, text: "Let us talk here." });
  });
}
