import { joinWords } from "../../shared/lib/text.ts";
import { timeWords } from "../cards/wording.ts";
import { card, fields, note } from "../chat/card-builders.ts";
import { defineCommand } from "../chat/define-command.ts";

export const whoami = defineCommand({
  id: "person.show",
  phrase: "whoami",
  summary: "Show who you are to me and which roles you hold",
  usage: "whoami",
  group: "help",
  permission: "anyone",
  changes: false,
  examples: ["whoami"],
  read: () => ({}),
  async run({ actor, services, user }) {
    const account = await services.accounts.find(user);
    const roles = services.people.roles(actor);
    return {
      card: card(
        `You are ${actor.name}`,
        "info",
        fields([
          ["Username", actor.username],
          [
            "Known here",
            account
              ? `by your linked ${account.platform} account, since ${timeWords(account.linkedAt)}`
              : "by your sign-in",
          ],
          ["Roles", roles.length === 0 ? "none" : joinWords(roles)],
        ]),
        note(
          "Roles come from your sign-in and are asked live. Next: `help` shows what you can say.",
        ),
      ),
      visibility: "only-you",
    };
  },
});
