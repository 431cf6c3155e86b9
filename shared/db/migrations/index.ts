import { createTables } from "./2026-11-21-create-tables.ts";
import { keepNotificationSettings } from "./2026-11-25-keep-notification-settings.ts";
import { rememberChatCursors } from "./2026-11-25-remember-chat-cursors.ts";
import type { Migration } from "./migration.ts";

/** Every migration, oldest first; a test compares the list with the folder. */
export const migrations: readonly Migration[] = [
  createTables,
  keepNotificationSettings,
  rememberChatCursors,
];
