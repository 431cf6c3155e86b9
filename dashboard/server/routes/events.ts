import { z } from "zod";
import { requireToRead } from "../../../shared/app/access.ts";
import { createAccessCheck } from "../access-check.ts";
import { defineStream } from "../route.ts";

const Seq = z.coerce.number().int().min(0);

export const streamEvents = defineStream({
  method: "get",
  path: "/events",
  operationId: "streamEvents",
  summary:
    "What happens, as server-sent events whose data is a LiveEvent; resumes from `Last-Event-ID` or `after`",
  tag: "Events",
  permission: "release.read",
  query: z.object({ after: Seq.optional() }),
  contentType: "text/event-stream",
  errors: [],
  async stream({ services, live }, { query }, req, res) {
    const resumeFrom = Seq.safeParse(req.get("last-event-id"));
    const after = resumeFrom.success ? resumeFrom.data : (query.after ?? null);
    const whoListens = createAccessCheck(req, services, "web");
    await live.stream(res, after, async () => requireToRead(await whoListens(), "release.read"));
  },
});

export const eventRoutes = [streamEvents] as const;
