import type { RequestHandler } from "express";
import type { PeopleServices } from "../../../shared/app/services.ts";
import { AppError } from "../../../shared/errors/app-error.ts";
import { bearerToken, contextOf, viaOf } from "../request-context.ts";
import type { WebSettings } from "../web-settings.ts";
import { endSession } from "./session.ts";

/**
 * Finds out who sent the request: whoever owns the API token, or whoever is signed in. Nobody is an answer too; routes
 * refuse it themselves. A session whose person lost access ends here.
 */
export function createActorMiddleware(
  people: PeopleServices,
  settings: Pick<WebSettings, "baseUrl">,
): RequestHandler {
  return async (req, res, next) => {
    const context = contextOf(req);
    const token = bearerToken(req.get("authorization"));
    if (token !== undefined) {
      context.actor = await people.actorOfToken(token, viaOf(req, "api"));
      context.credential = "token";
      next();
      return;
    }
    const { subject } = req.session;
    if (subject !== undefined) {
      try {
        context.actor = await people.actorOf(subject, viaOf(req, "web"));
      } catch (error) {
        if (
          error instanceof AppError &&
          (error.kind === "forbidden" || error.kind === "unauthenticated")
        ) {
          await endSession(req, res, settings);
        }
        throw error;
      }
      context.credential = "session";
    }
    next();
  };
}
