import { createTables } from "./2026-11-21-create-tables.ts";
import { askForLinks } from "./2026-11-25-ask-for-links.ts";
import { keepEvents } from "./2026-11-25-keep-events.ts";
import { keepHttpAnswers } from "./2026-11-25-keep-http-answers.ts";
import { keepNotificationSettings } from "./2026-11-25-keep-notification-settings.ts";
import { rememberChatCursors } from "./2026-11-25-remember-chat-cursors.ts";
import { rememberForges } from "./2026-11-25-remember-forges.ts";
import { shareWorkBetweenProcesses } from "./2026-11-25-share-work-between-processes.ts";
import { indexWords } from "./2026-11-26-index-words.ts";
import { rememberSessionUse } from "./2026-11-27-remember-session-use.ts";
import type { Migration } from "./migration.ts";

/** Every migration, oldest first; a test compares the list with the folder. */
export const migrations: readonly Migration[] = [
  createTables,
  askForLinks,
  keepEvents,
  keepHttpAnswers,
  keepNotificationSettings,
  rememberChatCursors,
  rememberForges,
  shareWorkBetweenProcesses,
  indexWords,
  rememberSessionUse,
];
