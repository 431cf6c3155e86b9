import { Agent, request, type IncomingMessage } from "node:http";

/** One answer, and how long it took from sending the first byte to having read the last. */
export interface ApiAnswer {
  readonly status: number;
  readonly text: string;
  readonly milliseconds: number;
}

/** The API as one person with a token uses it, over connections that stay open. */
export interface ApiClient {
  call(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** The parsed answer. Throws when it is no success. */
  get<T>(path: string): Promise<T>;
  send<T>(method: "POST" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T>;
  /** Opens an answer that does not end. */
  open(path: string): Promise<IncomingMessage>;
  close(): void;
}

export function createApiClient(url: string, token: string): ApiClient {
  const base = `${url}/api/v1`;
  const agent = new Agent({ keepAlive: true, maxSockets: 1_000 });
  const authorization = `Bearer ${token}`;
  return {
    call,
    get: async <T>(path: string) => parsed<T>(await call("GET", path), path),
    send: async <T>(method: string, path: string, body?: unknown) =>
      parsed<T>(await call(method, path, body), path),
    open: (path) =>
      new Promise((done, fail) => {
        const headers = { authorization, accept: "text/event-stream" };
        request(`${base}${path}`, { headers, agent: false }, (answer) => {
          if (answer.statusCode === 200) {
            done(answer);
          } else {
            answer.resume();
            fail(new Error(`${path} answered ${String(answer.statusCode)}`));
          }
        })
          .on("error", fail)
          .end();
      }),
    close: () => agent.destroy(),
  };

  function call(method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const start = performance.now();
    return new Promise((done, fail) => {
      const sent = request(
        `${base}${path}`,
        {
          method,
          agent,
          headers: {
            authorization,
            ...(payload === undefined
              ? {}
              : {
                  "content-type": "application/json",
                  "content-length": Buffer.byteLength(payload),
                }),
          },
        },
        (answer) => {
          const pieces: Buffer[] = [];
          answer.on("data", (piece: Buffer) => pieces.push(piece));
          answer.on("error", fail);
          answer.on("end", () => {
            done({
              status: answer.statusCode ?? 0,
              text: Buffer.concat(pieces).toString("utf8"),
              milliseconds: performance.now() - start,
            });
          });
        },
      );
      sent.on("error", fail);
      sent.end(payload);
    });
  }

  function parsed<T>({ status, text }: ApiAnswer, path: string): T {
    if (status >= 300) {
      throw new Error(`${path} answered ${String(status)}: ${text.slice(0, 500)}`);
    }
    // The edge where types meet the wire: the caller names the type of the contract.
    return JSON.parse(text === "" ? "null" : text) as T;
  }
}
