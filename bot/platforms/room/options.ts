import { z } from "zod";

/** `chat.room` of the configuration. The room is always there unless it is switched off. */
export const RoomOptions = z.strictObject({ enabled: z.boolean().default(true) });
export type RoomOptions = z.infer<typeof RoomOptions>;
