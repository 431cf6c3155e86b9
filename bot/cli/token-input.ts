import { z } from "zod";

const SCOPE_WRONG = "--scope takes read, write, or both with a comma between.";

/** `read`, `write` or `read,write`, as typed. */
export const TokenScopes = z.string().transform((text, context): ("read" | "write")[] => {
  const words = [...new Set(text.split(",").map((word) => word.trim()))];
  const scopes = words.filter((word) => word === "read" || word === "write");
  if (scopes.length === 0 || scopes.length < words.length) {
    context.addIssue({ code: "custom", message: SCOPE_WRONG });
    return z.NEVER;
  }
  return scopes;
});
