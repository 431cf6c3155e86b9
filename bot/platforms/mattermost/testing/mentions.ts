import type { FakePost } from "./fake-rules.ts";

/**
 * Whom a post notifies: the words that begin with `@` in its message and in the text, pretext and field values of its attachments,
 * after code is left out and escapes and entities are undone (`getMentionsEnabledFields`, `getExplicitMentions` in
 * server/channels/app/notification.go, `ProcessText` in mention_parser_standard.go).
 */
export function mentionsOf(
  post: Pick<FakePost, "message" | "props">,
  usernames: readonly string[],
): readonly string[] {
  const keywords = new Set(["@channel", "@all", "@here", ...usernames.map((name) => `@${name}`)]);
  return textsOf(post)
    .map(toPlainText)
    .flatMap((text) => text.toLowerCase().split(/[^\p{L}\p{N}:.\-_@]+/u))
    .flatMap((word) => [word, ...word.split(/[.\-:]/)])
    .map((word) => word.replace(/^[:.\-_]+|[:.\-_]+$/g, ""))
    .filter((word) => keywords.has(word));
}

function textsOf({ message, props }: Pick<FakePost, "message" | "props">): readonly string[] {
  return [
    message,
    ...(props.attachments ?? []).flatMap(({ text = "", pretext = "", fields = [] }) => [
      text,
      pretext,
      ...fields.map(({ value }) => value),
    ]),
  ];
}

function toPlainText(markdown: string): string {
  return markdown
    .replace(/(`{3,})[\s\S]*?\1/g, " ")
    .replace(/(?<!\\)(`+)(?!`)[\s\S]*?(?<!`)\1(?!`)/g, " ")
    .replace(/\\([!-/:-@[-`{-~])/g, "$1")
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replace(/&amp;/g, "&");
}
