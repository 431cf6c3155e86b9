import type { RoomServerFrame } from "../contract/room.ts";
import type { Conversation } from "./load.ts";
import { connectRoom } from "./room-client.ts";

/** Many people who talk at once, each over a socket of their own, and one who listens. */
export interface Talk {
  readonly name: string;
  /** Asks for a change of a release and waits for the bot's answer that shows it. */
  readonly commands: Conversation;
  /** Says something to nobody in particular and waits until the room has taken it. */
  readonly posts: Conversation;
  close(): Promise<void>;
}

const LONGEST_ANSWER_MS = 20_000;
/** What is asked is found again in its answer. */
const MARK = /bench-\d+-\d+/;

export async function openTalk(options: {
  readonly name: string;
  readonly url: string;
  readonly token?: string | undefined;
  /** One for each lane. */
  readonly releases: readonly number[];
  readonly channel: (lane: number) => string;
}): Promise<Talk> {
  const { name, url, token, releases, channel } = options;
  const waiting = new Map<string, { done: () => void; fail: (error: Error) => void }>();
  let count = 0;
  const listener = await connectRoom(url, { token, listens: true });
  listener.onFrame(onAnswer);
  const speakers = await Promise.all(
    releases.map(async () => {
      const speaker = await connectRoom(url, { token, listens: false });
      speaker.onFrame(onConfirmation);
      return speaker;
    }),
  );
  const lanes = releases.length;
  return {
    name,
    commands: {
      lanes,
      ask: (lane) =>
        say(lane, (mark) => ({
          ref: `command-${mark}`,
          text: `@slipway notes ${String(releases[lane])} "${mark}: faster sign-in, and a new billing page."`,
        })),
    },
    posts: {
      lanes,
      ask: (lane) =>
        say(lane, (mark) => ({ ref: mark, text: `${mark}: the build is green, have a look.` })),
    },
    async close() {
      await Promise.all([listener, ...speakers].map((client) => client.close()));
    },
  };

  function say(
    lane: number,
    what: (mark: string) => { readonly ref: string; readonly text: string },
  ): Promise<void> {
    count += 1;
    const mark = `bench-${lane}-${count}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => settle(mark)?.fail(new Error(`${name} did not answer "${what(mark).text}"`)),
        LONGEST_ANSWER_MS,
      );
      waiting.set(mark, {
        done: () => {
          clearTimeout(timer);
          resolve();
        },
        fail: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      speakers[lane]?.send({ type: "post", channel: channel(lane), ...what(mark) });
    });
  }

  function onAnswer(frame: RoomServerFrame): void {
    if (frame.type === "message" && frame.message.author.bot) {
      settle(MARK.exec(frame.message.text)?.[0])?.done();
    }
  }

  function onConfirmation(frame: RoomServerFrame): void {
    if (frame.type === "ok") {
      settle(frame.ref)?.done();
    } else if (frame.type === "error") {
      const asked = settle(frame.ref?.replace("command-", ""));
      asked?.fail(new Error(`${name} refused: ${frame.code} ${frame.message}`));
    }
  }

  function settle(mark: string | undefined) {
    const asked = waiting.get(mark ?? "");
    waiting.delete(mark ?? "");
    return asked;
  }
}
