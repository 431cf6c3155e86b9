/** What people paste along with a mention without seeing it. */
const LEADING_INVISIBLE = /^[\s\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]+/;

/** What may stand between a mention and the command. */
const AFTER = /^[\s:,!\u200B-\u200F\u202A-\u202E\u2060-\u206F\uFEFF]+/;

/**
 * What somebody asks the bot: the text after the `call` it begins with, e.g. `@slipway`. Undefined when it does not begin
 * with one; a name that only begins like it is somebody else's.
 */
export function readCall(text: string, calls: readonly string[]): string | undefined {
  const visible = text.replace(LEADING_INVISIBLE, "");
  for (const call of calls) {
    const rest = visible.slice(call.length);
    if (
      visible.slice(0, call.length).toLowerCase() === call.toLowerCase() &&
      (rest === "" || AFTER.test(rest))
    ) {
      return rest.replace(AFTER, "");
    }
  }
  return undefined;
}
