import type { ChatCursor } from "../../../shared/app/services.ts";
import type { SlackApi } from "./api.ts";
import { compareTs, type IncomingMessage } from "./inbound.ts";

/**
 * What was said behind the last message we know, oldest first; in threads too, as far as they began there. Slack names its
 * messages by their time, so there is always a place to go on from.
 */
export async function readMissed(
  api: Pick<SlackApi, "history" | "replies">,
  channelId: string,
  from: ChatCursor | undefined,
  since: Date,
): Promise<readonly IncomingMessage[]> {
  const after = from?.messageId ?? (since.getTime() / 1_000).toFixed(6);
  const said = await api.history(channelId, after);
  const threads = said.filter(
    ({ latest_reply: latest }) => latest !== undefined && compareTs(latest, after) > 0,
  );
  const replies: IncomingMessage[] = [];
  for (const { ts } of threads) {
    replies.push(...(await api.replies(channelId, ts, after)));
  }
  const all = new Map([...said, ...replies].map((message) => [message.ts, message]));
  return [...all.values()].sort((a, b) => compareTs(a.ts, b.ts));
}
