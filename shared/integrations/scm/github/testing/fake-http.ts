/** What a handler of the fake answers with. */
export interface FakeAnswer {
  readonly status: number;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request as the handlers see it. */
export interface FakeCall {
  readonly method: string;
  /** Without the prefix of the API, decoded part by part. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
  readonly accept: string;
  /** Address of the API. */
  readonly root: string;
  /** Address of the page people see. */
  readonly web: string;
}

export function ok(json: unknown, status = 200, headers = {}): FakeAnswer {
  return { status, json, headers };
}

/** https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api */
export function refusal(status: number, message: string, errors?: readonly unknown[]): FakeAnswer {
  return {
    status,
    json: {
      message,
      ...(errors === undefined ? {} : { errors }),
      documentation_url: "https://docs.github.com/rest",
      status: String(status),
    },
  };
}

export const notFound = () => refusal(404, "Not Found");

/**
 * At most 100 a page, with the other pages in `Link`:
 * https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
 */
export function paginate<T>(
  items: readonly T[],
  { query, root, parts }: FakeCall,
  wrap: (page: readonly T[]) => unknown = (page) => page,
): FakeAnswer {
  const size = Math.min(100, Math.max(1, Number(query.get("per_page") ?? 30)));
  const page = Math.max(1, Number(query.get("page") ?? 1));
  const last = Math.max(1, Math.ceil(items.length / size));
  return ok(wrap(items.slice((page - 1) * size, page * size)), 200, linksFor());

  function linksFor(): Record<string, string> {
    const address = (number: number) => {
      const url = new URL(`${root}/${parts.map(encodeURIComponent).join("/")}`);
      query.forEach((value, name) => url.searchParams.set(name, value));
      url.searchParams.set("page", String(number));
      return url.href;
    };
    const links = [
      ...(page > 1 ? [`<${address(page - 1)}>; rel="prev"`, `<${address(1)}>; rel="first"`] : []),
      ...(page < last
        ? [`<${address(page + 1)}>; rel="next"`, `<${address(last)}>; rel="last"`]
        : []),
    ];
    return links.length === 0 ? {} : { link: links.join(", ") };
  }
}
