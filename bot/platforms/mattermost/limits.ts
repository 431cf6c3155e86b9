/**
 * What Mattermost takes. Server sources are those of the branch `master` of github.com/mattermost/mattermost, below `server/`.
 */

/** Characters of a message: `PostMessageMaxRunesV2` in public/model/post.go. */
export const MAX_MESSAGE_LENGTH = 16_383;
/** Characters of everything that hangs on a message, as JSON: `PostPropsMaxUserRunes` in public/model/post.go. */
export const MAX_PROPS_LENGTH = 400_000;
/** Bytes of a form's title and of its labels: `DialogTitleMaxLength` and others in public/model/integration_action.go. */
export const MAX_DIALOG_TITLE_BYTES = 24;
export const MAX_DIALOG_LABEL_BYTES = 24;
export const MAX_DIALOG_HELP_BYTES = 150;
/** Bytes that a field of one line, and a field of many, may be filled in with. */
export const MAX_DIALOG_TEXT_BYTES = 150;
export const MAX_DIALOG_TEXTAREA_BYTES = 3_000;

/** A form must be opened this soon after the press: `OutgoingIntegrationRequestsTimeout` is another matter. app/integration_action.go. */
export const TRIGGER_LIFETIME_MS = 3_000;
/** A message posted again with the same `pending_post_id` this soon is the same message: app/post.go. */
export const PENDING_POST_LIFETIME_MS = 30_000;
/** Posts of one page: `PerPageMaximum` in channels/web/params.go. */
export const MAX_PAGE = 200;

/** Our own, so that a card is read at a glance and a hostile one stays small. */
export const MAX_TITLE_LENGTH = 250;
export const MAX_MARKDOWN_LENGTH = 12_000;
export const MAX_FALLBACK_LENGTH = 2_000;
export const MAX_LABEL_LENGTH = 80;
export const MAX_FIELD_LABEL_LENGTH = 100;
export const MAX_VALUE_LENGTH = 600;
export const MAX_FIELDS = 40;
export const MAX_TABLE_ROWS = 60;
export const MAX_CELL_LENGTH = 300;
export const MAX_ACTIONS = 20;
export const MAX_OPTIONS = 100;

/** A person waits for an answer, so a server that does not answer is given up soon. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** How long a person waits for the end of a rate limit. Edits that nobody asked for wait longer. */
export const PATIENCE_MS = 15_000;
export const EDIT_PATIENCE_MS = 120_000;
/** Edits at a time, so that a storm of them leaves room for answers. */
export const EDITS_AT_A_TIME = 3;
/** Requests kept free for answers while the server says how many are left. */
export const RESERVED_REQUESTS = 10;

/** Mattermost waits with its spinner this long for a private answer that can be shown in place. */
export const HOLD_MS = 800;

/** The connection is tried at these intervals and given up when nothing was heard for so long. */
export const PING_MS = 15_000;
export const DEAF_AFTER_MS = 45_000;
export const FIRST_RETRY_MS = 1_000;
export const LONGEST_RETRY_MS = 30_000;
export const RETRY_JITTER_MS = 1_000;
export const FAST_RETRIES = 3;
export const CONNECT_TIMEOUT_MS = 10_000;
export const CLOSE_TIMEOUT_MS = 1_000;

/** Now and then it is looked whether something was missed that nobody told us about. */
export const LOOK_AGAIN_MS = 5 * 60_000;
