// What the benchmark uses of Vercel's Chat SDK.
export { BaseFormatConverter, Chat, Message, parseMarkdown, stringifyMarkdown } from "chat";
export { createMemoryState } from "@chat-adapter/state-memory";
