import { z } from "zod";
import { Timestamp } from "./common.ts";

export const DIGESTS = ["daily", "weekdays", "off"] as const;

/** `09:00` */
const TimeOfDay = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 08:30");
const TimeZone = z
  .string()
  .max(100)
  .refine(isTimeZone, "must be a time zone such as Europe/Berlin");

/** How Slipway writes to one person. */
export const NotificationSettings = z
  .object({
    /** On which days it is told what waits for the person's sign-off. */
    digest: z.enum(DIGESTS),
    digestAt: TimeOfDay,
    timeZone: TimeZone,
    /** Whether it writes at once when a signature of the person no longer counts. */
    direct: z.boolean(),
    /** Where it writes, e.g. `mattermost`; null: wherever it can, outside chats first. */
    platform: z.string().max(60).nullable(),
    /** Until then it writes nothing of its own accord; null: it does. */
    mutedUntil: Timestamp.nullable(),
  })
  .meta({ id: "NotificationSettings" });
export type NotificationSettings = z.infer<typeof NotificationSettings>;

/** What is left out stays as it is. */
export const PatchNotificationSettings = NotificationSettings.partial()
  .strict()
  .meta({ id: "PatchNotificationSettings" });
export type PatchNotificationSettings = z.infer<typeof PatchNotificationSettings>;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) {
      return false;
    }
    throw error;
  }
}
