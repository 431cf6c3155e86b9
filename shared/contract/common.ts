import { z } from "zod";

/** A person as others see them. `subject` is the identity provider's stable id. */
export const PersonRef = z
  .object({
    subject: z.string(),
    username: z.string(),
    name: z.string(),
  })
  .meta({ id: "PersonRef" });
export type PersonRef = z.infer<typeof PersonRef>;

/** Whether the asking person may do something now, and if not, why and what to do about it. */
export const Ability = z
  .object({
    allowed: z.boolean(),
    reason: z.string().nullable(),
    remedy: z.string().nullable(),
  })
  .meta({ id: "Ability" });
export type Ability = z.infer<typeof Ability>;

/** One gate before a deploy. `reason` and `remedy` are null when it is met. */
export const RequirementView = z
  .object({
    id: z.string(),
    met: z.boolean(),
    code: z.string(),
    reason: z.string().nullable(),
    remedy: z.string().nullable(),
    /** Where more about it can be read, e.g. the run of the checks. */
    url: z.string().optional(),
  })
  .meta({ id: "Requirement" });
export type RequirementView = z.infer<typeof RequirementView>;

/** Number people say: `12` or `#12`. */
export const ShortNumber = z.coerce
  .string()
  .trim()
  .regex(/^#?[1-9]\d{0,8}$/, "must be a number such as 12 or #12")
  .transform((text) => Number(text.replace("#", "")));

export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  offset: z.coerce.number().int().min(0).default(0),
});
export type PageQuery = z.infer<typeof PageQuery>;

/** A page of a list, newest first; `total` counts all that match. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), total: z.number().int() });
}
export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
}

export const Timestamp = z.iso.datetime();
