import { vi } from "vitest";

/** One request of a component to the server. */
export interface Call {
  readonly method: string;
  readonly path: string;
}

/** Answers what components ask the server, and gives back a list that grows with every request. */
export function answerWith(
  answer: (call: Call) => { readonly status: number; readonly body?: unknown },
): readonly Call[] {
  const calls: Call[] = [];
  vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
    const call = { method: init.method ?? "GET", path };
    calls.push(call);
    const { status, body } = answer(call);
    return new Response(body === undefined ? null : JSON.stringify(body), { status });
  });
  return calls;
}
