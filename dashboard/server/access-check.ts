import type { Request } from "express";
import type { Services } from "../../shared/app/services.ts";
import type { Actor } from "../../shared/core/actor.ts";
import { SignInRequired } from "../../shared/errors/catalog.ts";
import { bearerToken, viaOf } from "./request-context.ts";

/**
 * Finds out again who is behind a connection that stays open, as if they had just asked. Throws what a new request would be
 * refused with: the token was revoked, the session ended, the person lost access.
 */
export function createAccessCheck(
  req: Request,
  services: Pick<Services, "people" | "sessions">,
  platform: "web" | "room",
): () => Promise<Actor> {
  const token = bearerToken(req.headers.authorization);
  if (token !== undefined) {
    const via = viaOf(req, platform === "web" ? "api" : platform);
    return () => services.people.actorOfToken(token, via);
  }
  const { subject } = req.session;
  const { sessionID } = req;
  const via = viaOf(req, platform);
  return async () => {
    if (subject === undefined || !(await services.sessions.get(sessionID))) {
      throw new SignInRequired({});
    }
    return services.people.actorOf(subject, via);
  };
}
