import type { RequestHandler } from "express";
import { withCorrelation } from "../../../shared/lib/correlation.ts";
import { newId } from "../../../shared/lib/ids.ts";
import { openContext } from "../request-context.ts";

/** Ids from outside are taken over only in this shape, so that they cannot carry anything into the log. */
const ACCEPTABLE = /^[\w.:-]{8,100}$/;

/** Gives every request the id that follows it everywhere, taking over `X-Request-Id` of a proxy. */
export function createRequestId(): RequestHandler {
  return (req, res, next) => {
    const sent = req.get("x-request-id");
    const id = sent !== undefined && ACCEPTABLE.test(sent) ? sent : newId();
    openContext(req, id);
    res.set("X-Request-Id", id);
    withCorrelation(id, next);
  };
}
