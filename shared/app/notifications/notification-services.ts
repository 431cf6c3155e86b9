import type { NotificationSettings } from "../../contract/notifications.ts";
import { dueDigest } from "../../core/digest.ts";
import type { Clock } from "../../core/ports/clock.ts";
import { AccountRow } from "../../db/rows/account.ts";
import { NotificationSettingsRow } from "../../db/rows/notification-settings.ts";
import { PersonRow } from "../../db/rows/person.ts";
import type { UnitOfWork } from "../../db/unit-of-work.types.ts";
import { InputInvalid } from "../../errors/catalog.ts";
import type { NotificationServices } from "../services.ts";

/** Of whoever never said anything. */
const DEFAULTS: NotificationSettings = {
  digest: "weekdays",
  digestAt: "09:00",
  timeZone: "UTC",
  direct: true,
  platform: null,
  mutedUntil: null,
};

/** How each person wants to be written to, and where they can be reached. */
export function createNotificationServices(deps: {
  readonly uow: UnitOfWork;
  readonly clock: Clock;
  /** Ids of the chat platforms of this installation. */
  readonly platforms: readonly string[];
}): NotificationServices {
  const { uow, clock, platforms } = deps;

  return {
    async settings(subject) {
      const row = await NotificationSettingsRow.findByPk(subject);
      return row ? toSettings(row) : DEFAULTS;
    },

    async change({ subject }, patch) {
      const { platform } = patch;
      if (platform !== undefined && platform !== null && !platforms.includes(platform)) {
        throw new InputInvalid(
          { problems: [{ pointer: "/platform", message: `"${platform}" is no chat of ours` }] },
          { remedy: `Choose one of ${platforms.join(", ")}.` },
        );
      }
      return uow.run(async ({ sequelize: transaction }) => {
        const row = await NotificationSettingsRow.findByPk(subject, { transaction });
        const given = Object.fromEntries(
          Object.entries(patch).filter(([, value]) => value !== undefined),
        );
        const next: NotificationSettings = { ...(row ? toSettings(row) : DEFAULTS), ...given };
        const mutedUntil = next.mutedUntil === null ? null : new Date(next.mutedUntil);
        await NotificationSettingsRow.upsert({ ...next, subject, mutedUntil }, { transaction });
        return next;
      });
    },

    async digestsDue() {
      const now = clock.now();
      const [people, rows] = await Promise.all([
        PersonRow.findAll({ attributes: ["subject"], where: { active: true } }),
        NotificationSettingsRow.findAll(),
      ]);
      const known = new Map(rows.map((row) => [row.subject, toSettings(row)]));
      return people.flatMap(({ subject }) => {
        const settings = known.get(subject) ?? DEFAULTS;
        const mutedUntil = settings.mutedUntil === null ? null : new Date(settings.mutedUntil);
        const day = dueDigest({ ...settings, mutedUntil }, now);
        return day === null ? [] : [{ subject, day }];
      });
    },

    async accountsOf(subject) {
      const rows = await AccountRow.findAll({
        attributes: ["platform", "workspace", "userId"],
        where: { subject },
        order: [["linkedAt", "DESC"]],
      });
      return rows.map(({ platform, workspace, userId }) => ({ platform, workspace, userId }));
    },
  };
}

function toSettings(row: NotificationSettingsRow): NotificationSettings {
  const { digest, digestAt, timeZone, direct, platform, mutedUntil } = row;
  return {
    digest,
    digestAt,
    timeZone,
    direct,
    platform,
    mutedUntil: mutedUntil?.toISOString() ?? null,
  };
}
