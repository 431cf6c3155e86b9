/**
 * What one message of the room may hold. The room is ours, so these are our own: enough for every card we draw, small enough
 * that a page with 500 messages stays quick.
 */
export const MAX_TITLE_LENGTH = 250;
export const MAX_MARKDOWN_LENGTH = 12_000;
export const MAX_FALLBACK_LENGTH = 16_000;
export const MAX_LABEL_LENGTH = 100;
export const MAX_VALUE_LENGTH = 600;
export const MAX_FIELDS = 40;
export const MAX_TABLE_ROWS = 60;
export const MAX_CELL_LENGTH = 300;
export const MAX_ACTIONS = 20;
export const MAX_OPTIONS = 100;
/** The largest answer a form field takes; release notes are the longest thing people write. */
export const MAX_ANSWER_LENGTH = 100_000;

/** Messages older than this are not answered any more when the bot hears of them, e.g. after a long time without it. */
export const CATCH_UP_MS = 10 * 60_000;
