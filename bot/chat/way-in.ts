import type { AccountServices } from "../../shared/app/services.ts";
import { AppError } from "../../shared/errors/app-error.ts";
import type { Logger } from "../../shared/lib/logger.ts";
import type { Card } from "./card.ts";
import { actions, card, link, note, text } from "./card-builders.ts";
import { errorCard } from "./error-card.ts";
import { sentence } from "./markdown.ts";
import type { ChatUser } from "./platform.ts";

/** Lets people in of whom nobody knows who they are. */
export interface WayIn {
  /**
   * What somebody is told, alone, whose account is linked to nobody: with a link that mends it, or when they may have another one.
   * Never throws.
   */
  cardFor(user: ChatUser, unlinked: AppError): Promise<Card>;
}

export function createWayIn(deps: {
  readonly accounts: Pick<AccountServices, "requestLink">;
  readonly logger: Logger;
}): WayIn {
  return {
    async cardFor(user, unlinked) {
      try {
        const { url } = await deps.accounts.requestLink(user, user.origin);
        return card(
          "I do not know you yet",
          "info",
          text(sentence(unlinked.message), "Sign in behind this link, then say it again."),
          actions(link("Link my account", url)),
          note(
            "The link is yours alone: it works once, for ten minutes, and makes whoever follows it the owner of this account.",
          ),
        );
      } catch (error) {
        if (error instanceof AppError && error.kind === "rate_limited") {
          return card(
            "I do not know you yet",
            "info",
            text(
              sentence(unlinked.message),
              "I have sent you several links already: follow the latest one.",
            ),
            note(sentence(error.message)),
          );
        }
        deps.logger.warn({ err: error, platform: user.platform }, "could not make a link");
        return errorCard(unlinked);
      }
    },
  };
}
