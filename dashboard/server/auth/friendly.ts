import type { Request, RequestHandler, Response } from "express";
import type { Problem } from "../../../shared/contract/problem.ts";
import type { Logger } from "../../../shared/lib/logger.ts";
import { toProblem } from "../problem.ts";
import { contextOf } from "../request-context.ts";
import { escapeHtml, PLAIN_PAGE_STYLESHEET, plainPage } from "./pages.ts";

/** Makes handlers whose answers people look at: what goes wrong becomes a page with a way back. */
export function createFriendly(
  logger: Logger,
): (handle: (req: Request, res: Response) => Promise<void>) => RequestHandler {
  return (handle) => async (req, res) => {
    try {
      await handle(req, res);
    } catch (error) {
      if (res.headersSent) {
        throw error;
      }
      const { correlationId } = contextOf(req);
      const { status, level, problem } = toProblem(error, { instance: req.path, correlationId });
      logger[level]({ err: error, code: problem.code }, "signing in or out did not work");
      res.status(status).set("Cache-Control", "no-store").type("html").send(failurePage(problem));
    }
  };
}

function failurePage({ detail, remedy, correlationId }: Problem): string {
  return plainPage({
    title: "That did not work",
    stylesheet: PLAIN_PAGE_STYLESHEET,
    body: `<p role="alert">${escapeHtml(detail)}</p>
${remedy === null ? "" : `<p>${escapeHtml(remedy)}</p>\n`}<p><a class="button" href="/auth/login">Sign in again</a></p>
<p><a class="button" href="/">Go to the start page</a></p>
<p class="muted">Reference: ${escapeHtml(correlationId)}</p>`,
  });
}
