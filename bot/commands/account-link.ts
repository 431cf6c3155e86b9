import { timeWords } from "../cards/wording.ts";
import { card, note, text } from "../chat/card-builders.ts";
import { defineCommand } from "../chat/define-command.ts";
import { code, escapeMarkdown } from "../chat/markdown.ts";

/** Whoever has no link yet never gets here: saying anything gives them one. */
export const accountLink = defineCommand({
  id: "account.link",
  phrase: "link",
  summary: "Tell me who you are: sends you a private link to sign in behind",
  usage: "link",
  group: "help",
  permission: "anyone",
  changes: false,
  examples: ["link"],
  read: () => ({}),
  async run({ actor, services, user }) {
    const account = await services.accounts.find(user);
    const name = `**${escapeMarkdown(actor.name)}**`;
    return {
      card: card(
        "I know you already",
        "info",
        account
          ? text(
              `This account is linked to ${name} since ${timeWords(account.linkedAt)}.`,
              `If that is not you any more, say ${code("unlink")} first.`,
            )
          : text(`You signed in to be here as ${name}, so there is nothing to link.`),
      ),
      visibility: "only-you",
    };
  },
});

export const accountUnlink = defineCommand({
  id: "account.unlink",
  phrase: "unlink",
  summary: "Forget who you are here: this account can do nothing until it is linked again",
  usage: "unlink",
  group: "help",
  permission: "anyone",
  changes: true,
  examples: ["unlink"],
  read: () => ({}),
  async run({ actor, services, user }) {
    const account = await services.accounts.find(user);
    if (!account) {
      return {
        card: card(
          "Nothing to unlink",
          "info",
          text("You signed in to be here. Sign out instead."),
        ),
        visibility: "only-you",
      };
    }
    await services.accounts.unlink(actor, account.id);
    return {
      card: card(
        "Unlinked",
        "success",
        text(`This account no longer acts for **${escapeMarkdown(actor.name)}**.`),
        note(`What was signed through it stays signed. Say ${code("link")} to link it again.`),
      ),
      visibility: "only-you",
    };
  },
});
