/** What Slack takes. Pages are those of docs.slack.dev. */

/** Blocks of a message: reference/block-kit/blocks. */
export const MAX_BLOCKS = 50;
/** Characters of a title: reference/block-kit/blocks/header-block. */
export const MAX_TITLE_LENGTH = 150;
/** Buttons of one row: reference/block-kit/blocks/actions-block. */
export const MAX_ACTIONS = 25;
/** Characters on a button, and of its address: reference/block-kit/block-elements/button-element. */
export const MAX_LABEL_LENGTH = 75;
export const MAX_BUTTON_URL_LENGTH = 3_000;
/** Words of a form: reference/views/modal-views. */
export const MAX_VIEW_TITLE_LENGTH = 24;
/** Reference/block-kit/blocks/input-block. */
export const MAX_FIELD_LABEL_LENGTH = 2_000;
/** Characters that a field holds: reference/block-kit/block-elements/plain-text-input-element. */
export const MAX_INPUT_LENGTH = 3_000;
export const MAX_PLACEHOLDER_LENGTH = 150;
/** Reference/block-kit/block-elements/select-menu-element and reference/block-kit/composition-objects/option-object. */
export const MAX_OPTIONS = 100;
export const MAX_OPTION_LENGTH = 75;
export const MAX_OPTION_VALUE_LENGTH = 150;
/** Characters of the text beside the blocks, which notifications show: reference/methods/chat.postMessage, "Truncating content". */
export const MAX_TEXT_LENGTH = 4_000;
/** Everything that arrives must be acknowledged this soon: apis/events-api and interactivity/handling-user-interaction. */
export const ACK_DEADLINE_MS = 3_000;
/** Signatures older than this may be a replay: authentication/verifying-requests-from-slack. */
export const SIGNATURE_LIFETIME_MS = 5 * 60_000;
/** Tier 3, for each method and workspace: apis/web-api/rate-limits. */
export const TIER_3_PER_MINUTE = 50;
/** One message a second in a channel, with short bursts: apis/web-api/rate-limits. */
export const POSTS_AT_ONCE = 5;
export const POST_WINDOW_MS = 5_000;
/** Most messages that are read at once: reference/methods/conversations.history. */
export const MAX_PAGE = 200;

/**
 * Slack refuses a message whose blocks are "too long" (msg_blocks_too_long) without saying how long that is. Our own, well below
 * the 12,000 characters it names for Markdown: reference/block-kit/blocks/markdown-block.
 */
export const MAX_MESSAGE_LENGTH = 10_000;
export const MAX_MARKDOWN_LENGTH = 3_000;
/** Our own, so that a card is read at a glance and a hostile one stays small. */
export const MAX_FALLBACK_LENGTH = 2_000;
export const MAX_FIELDS = 30;
export const MAX_NAME_LENGTH = 100;
export const MAX_VALUE_LENGTH = 300;
export const MAX_TABLE_ROWS = 40;
export const MAX_CELL_LENGTH = 40;

/** A person waits for an answer, so a server that does not answer is given up soon. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** How long a person waits for the end of a rate limit. What nobody asked for waits longer. */
export const PATIENCE_MS = 15_000;
export const QUIET_PATIENCE_MS = 120_000;
/** Edits at a time, so that a storm of them leaves room for answers. */
export const EDITS_AT_A_TIME = 3;
/** Edits of each minute that are left to messages somebody looks at. */
export const RESERVED_EDITS = 10;
/** How long somebody is taken to look at a message they pressed, or that was just written for them. */
export const LOOKED_AT_MS = 30_000;

/** How long an answer to a sent form is held back, so that what is wrong can be said in the form. Below ACK_DEADLINE_MS. */
export const HOLD_MS = 2_000;
/** A form that is not ready by then is opened empty: a press opens one for three seconds (surfaces/modals). */
export const FORM_PATIENCE_MS = 700;

/** Sockets kept open, of the ten an app may have: while one is renewed, the other one hears. */
export const SOCKETS = 2;
/** Slack's client tries a socket by itself at a third of this, and gives it up after it. */
export const PONG_TIMEOUT_MS = 20_000;
export const SERVER_PING_TIMEOUT_MS = 60_000;
/** A socket on which not a byte arrived for this long is left behind, whatever the client says. */
export const DEAF_AFTER_MS = 45_000;
export const CONNECT_TIMEOUT_MS = 10_000;
export const CLOSE_TIMEOUT_MS = 1_000;
export const FIRST_RETRY_MS = 1_000;
export const LONGEST_RETRY_MS = 30_000;
/** A socket that is closed sooner than this was not wanted (`too_many_websockets`), so it is not opened again at once. */
export const STABLE_AFTER_MS = 10_000;

/** What could not be read, or was not set up, is looked at again this soon. */
export const READ_AGAIN_MS = 10_000;
export const LOOK_AGAIN_MS = 5 * 60_000;
