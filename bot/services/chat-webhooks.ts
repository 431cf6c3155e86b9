import type { PlatformWebhook } from "../../dashboard/server/routes/platform-webhooks.ts";
import type { ChatInbox } from "../../shared/app/chat-inbox/chat-inbox.ts";
import type { ChatPlatform } from "../chat/platform.ts";
import type { ChatLeader } from "./chat-leader.ts";

/** Slack and Mattermost wait three seconds for an answer; this leaves time for the way. */
const ANSWER_MS = 2_500;

/**
 * What `/hooks/{platform}` does in a web process: the process that runs chat checks the signature and answers, here or
 * elsewhere. Nobody there, or nobody in time, is an error the sender sees: it tries again.
 */
export function createChatWebhooks(deps: {
  readonly platforms: readonly ChatPlatform[];
  readonly leader: Pick<ChatLeader, "webhook"> | undefined;
  readonly inbox: Pick<ChatInbox, "ask">;
}): ReadonlyMap<string, PlatformWebhook> {
  const { platforms, leader, inbox } = deps;
  return new Map(
    platforms
      .filter((platform) => platform.webhook !== undefined)
      .map(({ id }) => [id, (request) => answer(id, request)] as const),
  );

  async function answer(
    id: string,
    request: Parameters<PlatformWebhook>[0],
  ): ReturnType<PlatformWebhook> {
    const own = leader?.webhook(id);
    if (own) {
      return own(request);
    }
    const { status, json } = await inbox.ask(`hook.${id}`, { ...request }, ANSWER_MS);
    return { status: typeof status === "number" ? status : 502, json: json ?? {} };
  }
}
