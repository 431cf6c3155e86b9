import { z } from "zod";

/** What this installation offers: for choices on pages, never for deciding. */
export const Installation = z
  .object({
    baseUrl: z.string(),
    environments: z.array(z.object({ name: z.string(), branch: z.string().nullable() })),
    signOffRoles: z.array(z.string()),
    /** The chats it is in, e.g. `room`. */
    chats: z.array(z.string()),
    repositories: z.array(z.string()),
    /** Places that hear announcements, e.g. `room:releases`. */
    announce: z.array(z.string()),
    /** True for the sample workspace of a first start. */
    sample: z.boolean(),
  })
  .meta({ id: "Installation" });
export type Installation = z.infer<typeof Installation>;
