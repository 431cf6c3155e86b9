import { z } from "zod";
import { defineActionRef } from "./define-command.ts";

/**
 * A click that says a command for the person who clicks: it is parsed, checked and run as if they had typed it now. The router
 * implements it.
 */
export const runText = defineActionRef(
  "command.run",
  z.object({ text: z.string().max(4_000) }),
  ({ text }) => text,
);
