import { afterEach, beforeEach, vi } from "vitest";

/** A request a component sent: `POST /me/tokens`, with its parsed body. */
export interface Sent {
  readonly what: string;
  readonly body: unknown;
}

type Answer = (body: unknown) => unknown;

/** What the fake server refuses with, as a problem. */
export class Refusal {
  readonly status: number;
  readonly detail: string;
  readonly remedy: string | null;
  constructor(status: number, detail: string, remedy: string | null = null) {
    this.status = status;
    this.detail = detail;
    this.remedy = remedy;
  }
}

/**
 * A server in memory for component tests: `answers` by method and path, changed by the test as it goes; each is JSON, a Refusal,
 * or a function that makes one. What nobody answers is refused with 404.
 */
export function useFakeServer(): { answers: Record<string, unknown>; sent: Sent[] } {
  const fake: { answers: Record<string, unknown>; sent: Sent[] } = { answers: {}, sent: [] };

  beforeEach(() => {
    fake.answers = {};
    fake.sent = [];
    vi.stubGlobal("fetch", answer);
    vi.stubGlobal("EventSource", SilentEvents);
  });
  afterEach(() => {
    vi.unstubAllGlobals();
  });
  return fake;

  async function answer(url: string, { method = "GET", body }: RequestInit): Promise<Response> {
    const what = `${method} ${url.replace(/^\/api\/v1/, "").replace(/\?.*$/, "")}`;
    const parsed: unknown = typeof body === "string" ? JSON.parse(body) : undefined;
    fake.sent.push({ what, body: parsed });
    const known =
      what in fake.answers ? fake.answers[what] : new Refusal(404, `nobody answers ${what}`);
    const result = typeof known === "function" ? (known as Answer)(parsed) : known;
    if (result instanceof Refusal) {
      const { status, detail, remedy } = result;
      return Response.json(
        { status, detail, remedy, code: "test", correlationId: "c-42" },
        { status },
      );
    }
    return result === null ? new Response(null, { status: 204 }) : Response.json(result);
  }
}

/** Live events of which none ever comes. */
class SilentEvents extends EventTarget {
  close(): void {
    // Nothing is open.
  }
}
