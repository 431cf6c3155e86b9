import { PERMISSIONS } from "../../shared/app/policies.ts";
import { joinWords } from "../../shared/lib/text.ts";
import { card, fields, note } from "../chat/card-builders.ts";
import { defineCommand } from "../chat/define-command.ts";

export const whoami = defineCommand({
  id: "person.show",
  phrase: "whoami",
  summary: "Show who you are to me, your roles and what they allow",
  usage: "whoami",
  group: "help",
  permission: "anyone",
  changes: false,
  examples: ["whoami"],
  read: () => ({}),
  async run({ actor, services }) {
    const roles = services.people.roles(actor);
    const allowed = PERMISSIONS.filter((permission) => services.can(actor, permission));
    return {
      card: card(
        `You are ${actor.name}`,
        "info",
        fields([
          ["Username", actor.username],
          ["Roles", roles.length === 0 ? "none" : joinWords(roles)],
          ["You may", joinWords(allowed.map((permission) => permission.replace(/[._]/g, " ")))],
        ]),
        note(
          "Roles come from your sign-in and are asked live. Next: `help` shows what you can say.",
        ),
      ),
      visibility: "only-you",
    };
  },
});
