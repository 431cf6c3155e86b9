import { z } from "zod";
import { PersonRef, Timestamp } from "./common.ts";

export const Me = PersonRef.extend({
  email: z.string().nullable(),
  roles: z.array(z.string()),
  /** What the person may do somewhere, e.g. `release.create`: for offering it on pages, never for deciding. */
  permissions: z.array(z.string()),
  /** Name of the server the person signed in at. */
  identityProvider: z.string(),
  csrfToken: z.string().nullable(),
}).meta({ id: "Me" });
export type Me = z.infer<typeof Me>;

export const ApiTokenView = z
  .object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(["read", "write"])),
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable(),
    lastUsedAt: Timestamp.nullable(),
  })
  .meta({ id: "ApiToken" });
export type ApiTokenView = z.infer<typeof ApiTokenView>;

export const CreateApiToken = z
  .object({
    name: z.string().trim().min(1).max(100),
    scopes: z
      .array(z.enum(["read", "write"]))
      .min(1)
      .default(["read", "write"]),
    expiresInDays: z.number().int().min(1).max(365).default(90),
  })
  .meta({ id: "CreateApiToken" });
export type CreateApiToken = z.infer<typeof CreateApiToken>;

/** The secret is shown once. */
export const CreatedApiToken = ApiTokenView.extend({ token: z.string() }).meta({
  id: "CreatedApiToken",
});
export type CreatedApiToken = z.infer<typeof CreatedApiToken>;
