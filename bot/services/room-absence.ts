import type { RoomNotice, Services } from "../../shared/app/services.ts";
import { ChatNotRunning } from "../../shared/errors/catalog.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import { readCommand } from "../platforms/room/inbound.ts";

/**
 * Tells whoever commands the bot in the room that nobody is there to answer, when that is so. What they said is kept, and is
 * answered by whoever runs chat within a few minutes. Several web processes say it once.
 */
export function watchForAbsence(deps: {
  readonly services: Services;
  readonly isAnybodyThere: () => Promise<boolean>;
  readonly logger: Logger;
}): () => void {
  const { services, isAnybodyThere, logger } = deps;
  return services.room.listen((notice) => {
    tell(notice).catch((error: unknown) => {
      logger.warn({ err: error }, "could not say that nobody answers in the room");
    });
  });

  async function tell(notice: RoomNotice): Promise<void> {
    if (
      notice.type !== "message" ||
      readCommand(notice.message, notice.visibleTo) === undefined ||
      (await isAnybodyThere())
    ) {
      return;
    }
    const { id, channel, threadId, author } = notice.message;
    const { message, remedy } = new ChatNotRunning({});
    await services.room.postAsBot({
      channel,
      threadId,
      text: `${message} What you said is kept and is answered when it runs again soon. ${remedy ?? ""}`.trim(),
      card: null,
      visibleTo: author.subject,
      key: `nobody-answers\n${id}`,
    });
  }
}
