import type { RoomMessage } from "../../../shared/contract/room.ts";
import { untilItWorks } from "../../../shared/testing/until-it-works.ts";

/** An answer of the API, whatever its status. */
export interface Answer<T = unknown> {
  readonly status: number;
  readonly body: T;
}

/** Somebody who does everything through the API and the room, with a token of their own. */
export interface Person {
  get<T>(path: string): Promise<Answer<T>>;
  send<T>(
    method: "POST" | "PATCH" | "PUT" | "DELETE",
    path: string,
    body?: unknown,
  ): Promise<Answer<T>>;
  /** Writes into a channel of the room. */
  say(text: string, channel?: string, threadId?: string): Promise<RoomMessage>;
  messages(channel?: string): Promise<readonly RoomMessage[]>;
  /** The newest message of the room that fits, once it is there. */
  sees(what: RegExp, channel?: string): Promise<RoomMessage>;
  /** Presses a button of a message by its label. */
  press(message: RoomMessage, label: string, values?: Record<string, string>): Promise<Answer>;
}

export function createPerson(url: string, token: string): Person {
  return { get, send, say, messages, sees, press };

  async function call<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as T };
  }

  function get<T>(path: string): Promise<Answer<T>> {
    return call<T>("GET", path);
  }

  function send<T>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    return call<T>(method, path, body);
  }

  async function say(text: string, channel = "general", threadId?: string): Promise<RoomMessage> {
    const { status, body } = await call<RoomMessage>("POST", "/room/messages", {
      channel,
      text,
      ...(threadId === undefined ? {} : { threadId }),
    });
    if (status >= 300) {
      throw new Error(`Not posted: ${JSON.stringify(body)}`);
    }
    return body;
  }

  async function messages(channel = "general"): Promise<readonly RoomMessage[]> {
    const { body } = await call<{ items: RoomMessage[] }>(
      "GET",
      `/room/messages?channel=${encodeURIComponent(channel)}&limit=500`,
    );
    return body.items;
  }

  async function sees(what: RegExp, channel = "general"): Promise<RoomMessage> {
    return untilItWorks(
      async () => {
        const all = await messages(channel);
        const found = all.findLast((message) => message.author.bot && what.test(message.text));
        if (!found) {
          throw new Error(
            `Nothing like ${String(what)} in #${channel}:\n${all.map((m) => `${m.author.username}: ${m.text}`).join("\n---\n")}`,
          );
        }
        return found;
      },
      { timeoutMs: 30_000, intervalMs: 50 },
    );
  }

  async function press(
    message: RoomMessage,
    label: string,
    values?: Record<string, string>,
  ): Promise<Answer> {
    const action = message.actions.find((one) => one.label === label);
    if (!action) {
      throw new Error(
        `No button "${label}" on: ${message.text}\nOnly: ${message.actions.map((one) => one.label).join(", ")}`,
      );
    }
    return call("POST", `/room/messages/${message.id}/actions`, {
      action: action.action,
      ...(values === undefined ? {} : { values }),
    });
  }
}
