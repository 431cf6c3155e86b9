import type {
  NotificationSettings,
  PatchNotificationSettings,
} from "../../shared/contract/notifications.ts";
import { PatchNotificationSettings as Patch } from "../../shared/contract/notifications.ts";
import { timeWords } from "../cards/wording.ts";
import { card, fields, note } from "../chat/card-builders.ts";
import type { CommandInput } from "../chat/command-input.ts";
import { readDuration } from "../chat/command-arguments.ts";
import { defineCommand } from "../chat/define-command.ts";

const DIGEST_WORDS = {
  daily: "every day",
  weekdays: "on weekdays",
  off: "never",
} as const satisfies Readonly<Record<NotificationSettings["digest"], string>>;

/** Means "no platform in particular". */
const ANYWHERE = "anywhere";

export const notifications = defineCommand({
  id: "person.notifications",
  phrase: "notifications",
  aliases: ["notify"],
  summary: "Show or change when and where I write to you",
  usage:
    "notifications [daily|weekdays|off] [--at 09:00] [--zone Europe/Berlin] [--on mattermost|anywhere] [--direct on|off] [--mute 3d|off]",
  group: "help",
  permission: "anyone",
  changes: true,
  examples: [
    "notifications",
    "notifications weekdays --at 08:30 --zone Europe/Berlin",
    "notifications off",
    "notifications --on mattermost --direct off",
    "notifications --mute 3d",
  ],
  options: {
    at: { kind: "value" },
    zone: { kind: "value" },
    on: { kind: "value" },
    direct: { kind: "value" },
    mute: { kind: "value" },
  },
  read: (input) => ({ patch: readPatch(input), muteMs: readMute(input) }),
  async run({ actor, services, now }, { patch, muteMs }) {
    const isAsked = Object.keys(patch).length > 0 || muteMs !== undefined;
    const settings = isAsked
      ? await services.notifications.change(actor, {
          ...patch,
          ...(muteMs === undefined ? {} : { mutedUntil: mutedUntil(muteMs, now) }),
        })
      : await services.notifications.settings(actor.subject);
    return { card: settingsCard(settings, isAsked, now), visibility: "only-you" };
  },
});

function readPatch(input: CommandInput): PatchNotificationSettings {
  const digest = (["daily", "weekdays", "off"] as const).find((word) => input.takes(word));
  const on = input.option("on");
  const direct = input.option("direct");
  const patch = {
    ...(digest === undefined ? {} : { digest }),
    ...optional("digestAt", input.option("at")),
    ...optional("timeZone", input.option("zone")),
    ...(on === undefined ? {} : { platform: on === ANYWHERE ? null : on.toLowerCase() }),
    ...(direct === undefined ? {} : { direct: readSwitch(input, direct) }),
  };
  const parsed = Patch.safeParse(patch);
  return parsed.success
    ? parsed.data
    : input.fail(
        parsed.error.issues
          .map(({ path, message }) => `${String(patch[path[0] as keyof typeof patch])} ${message}.`)
          .join(" "),
      );
}

function optional<K extends string>(
  key: K,
  value: string | undefined,
): Partial<Readonly<Record<K, string>>> {
  return value === undefined ? {} : ({ [key]: value } as Readonly<Record<K, string>>);
}

function readSwitch(input: CommandInput, word: string): boolean {
  return word === "on" || word === "off" ? word === "on" : input.fail("Say on or off.");
}

/** Zero to end it; undefined when nothing was said about it. */
function readMute(input: CommandInput): number | undefined {
  const text = input.option("mute");
  return text === "off" ? 0 : readDuration(input, text);
}

function mutedUntil(ms: number, now: Date): string | null {
  return ms === 0 ? null : new Date(now.getTime() + ms).toISOString();
}

function settingsCard(settings: NotificationSettings, isChanged: boolean, now: Date) {
  const { digest, digestAt, timeZone, direct, platform, mutedUntil: until } = settings;
  const isMuted = until !== null && new Date(until) > now;
  return card(
    isChanged ? "I will write to you like this" : "How I write to you",
    "info",
    fields([
      [
        "What waits for your sign-off",
        digest === "off" ? DIGEST_WORDS.off : `${DIGEST_WORDS[digest]} at ${digestAt}, ${timeZone}`,
      ],
      ["When your signature no longer counts", direct ? "at once" : "not at all"],
      ["Where", platform ?? "wherever I can reach you, linked chats first"],
      ["Quiet until", isMuted ? timeWords(until) : undefined],
    ]),
    note("To change it: `notifications daily --at 08:30 --zone Europe/Berlin`."),
  );
}
