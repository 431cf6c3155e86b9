/** What Discord takes. Pages are below https://discord.com/developers/docs unless they say otherwise. */

/** Of one embed (resources/message#embed-object-embed-limits). The sum counts all embeds of a message together. */
export const MAX_EMBED_TITLE_LENGTH = 256;
export const MAX_EMBED_TEXT_LENGTH = 4_096;
export const MAX_EMBED_FIELDS = 25;
export const MAX_FIELD_LABEL_LENGTH = 256;
export const MAX_VALUE_LENGTH = 1_024;
export const MAX_EMBEDS_LENGTH = 6_000;
/** Embeds of one message (resources/message#create-message). */
export const MAX_EMBEDS = 10;

/** Buttons of one row, and rows of one message (components/reference#action-row). */
export const BUTTONS_OF_A_ROW = 5;
export const MAX_BUTTONS = 25;
/** components/reference#button. */
export const MAX_LABEL_LENGTH = 80;
export const MAX_LINK_LENGTH = 512;

/** Title and parts of a form (interactions/receiving-and-responding#modal). */
export const MAX_FORM_TITLE_LENGTH = 45;
export const MAX_FORM_FIELDS = 5;
/** components/reference#label. */
export const MAX_FORM_LABEL_LENGTH = 45;
export const MAX_FORM_HELP_LENGTH = 100;
/** components/reference#text-input. */
export const MAX_ANSWER_LENGTH = 4_000;
export const MAX_PLACEHOLDER_LENGTH = 100;
/** components/reference#string-select. */
export const MAX_OPTIONS = 25;
export const MAX_OPTION_LENGTH = 100;

/** interactions/application-commands#application-command-object. A command as a whole may have 8,000 characters. */
export const MAX_DESCRIPTION_LENGTH = 100;
/** Sub-commands, groups and options of one level, and choices of an option. */
export const MAX_COMMAND_OPTIONS = 25;
export const MAX_CHOICES = 25;
export const MAX_CHOICE_LENGTH = 100;
/** What somebody may type into an option. */
export const MAX_OPTION_VALUE_LENGTH = 6_000;

/** resources/channel#start-thread-from-message. */
export const MAX_THREAD_NAME_LENGTH = 100;
/** A week, in minutes, without a message: after that a thread leaves the list. */
export const THREAD_ARCHIVE_MINUTES = 10_080;
/** resources/message#create-message, `nonce`: a second message with the same one soon after is the first one. */
export const MAX_NONCE_LENGTH = 25;
/** resources/message#get-channel-messages. */
export const MAX_PAGE = 100;

/** A press or command is answered this soon, or it has failed (interactions/receiving-and-responding). */
export const FIRST_ANSWER_MS = 3_000;
/** Its token is good for later answers as long as this. */
export const TOKEN_LIFETIME_MS = 15 * 60_000;

/** Requests of a bot, per second (topics/rate-limits#global-rate-limit). */
export const REQUESTS_PER_SECOND = 50;

/** Our own, so that a card is read at a glance and a hostile one stays small. */
export const MAX_MARKDOWN_LENGTH = 4_000;
export const MAX_TABLE_ROWS = 40;
export const MAX_CELL_LENGTH = 60;
/** Columns are squeezed until a row of a table fits: longer ones break on a screen and nobody can read them. */
export const MAX_ROW_LENGTH = 64;
/** Kept free for saying that there is more. */
export const REMARK_LENGTH = 100;

/** A form that is not open by then has to be asked for once more; Discord itself would give up a little later. */
export const FORM_PATIENCE_MS = 2_200;
/** Suggestions that come later than this are of no use to who types. */
export const SUGGESTION_PATIENCE_MS = 2_000;

/** A person waits for an answer, so a server that does not answer is given up soon. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** How long a person waits for the end of a rate limit. Edits that nobody asked for wait longer. */
export const PATIENCE_MS = 15_000;
export const EDIT_PATIENCE_MS = 120_000;
/** A channel that refused us is left alone for so long: Discord locks out who is refused too often (10,000 times in 10 minutes). */
export const REFUSED_FOR_MS = 60_000;

/** The connection is given up when nothing was heard for so long. Discord beats every 41 seconds or so. */
export const DEAF_AFTER_MS = 120_000;
export const CONNECT_TIMEOUT_MS = 20_000;
export const FIRST_RETRY_MS = 1_000;
export const LONGEST_RETRY_MS = 60_000;
/** A socket that does not say goodbye is left alone after this. */
export const CLOSE_TIMEOUT_MS = 1_000;

/** How long it is remembered which channels there are. */
export const CHANNELS_GOOD_FOR_MS = 60_000;
