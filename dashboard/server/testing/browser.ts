/** What a scripted browser got. */
export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Status and path of every step on the way here. */
  readonly hops: readonly string[];
}

/** A browser without scripts: keeps cookies by host, as browsers do, and follows redirects. */
export interface Browser {
  open(url: string, init?: RequestInit): Promise<Page>;
  /** Sends a form as a page of the same origin would. */
  submit(
    url: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Page>;
  /** The value of a cookie of `host`, by the beginning of its name. */
  cookie(url: string, namePrefix: string): string | undefined;
  cookieHeader(url: string): string;
  setCookie(url: string, name: string, value: string): void;
}

const MOST_HOPS = 20;

export function createBrowser(): Browser {
  const jars = new Map<string, Map<string, { value: string; path: string }>>();

  return { open, submit, cookie, cookieHeader, setCookie };

  async function open(address: string, init: RequestInit = {}): Promise<Page> {
    const hops: string[] = [];
    let url = new URL(address);
    let request = init;
    for (let hop = 0; hop < MOST_HOPS; hop += 1) {
      const headers = new Headers(request.headers);
      headers.set("cookie", cookieHeader(url.href));
      headers.set("accept", headers.get("accept") ?? "text/html");
      const response = await fetch(url, { ...request, headers, redirect: "manual" });
      keepCookies(url, response);
      hops.push(`${response.status} ${url.pathname}`);
      const location = response.headers.get("location");
      if (location === null || response.status < 300 || response.status > 399) {
        return {
          url,
          status: response.status,
          headers: response.headers,
          text: await response.text(),
          hops,
        };
      }
      await response.arrayBuffer();
      url = new URL(location, url);
      request = {};
    }
    throw new Error(`too many redirects: ${hops.join(" > ")}`);
  }

  function submit(
    address: string,
    fields: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Page> {
    return open(address, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: {
        origin: new URL(address).origin,
        "sec-fetch-site": "same-origin",
        ...headers,
      },
    });
  }

  function keepCookies(url: URL, response: Response): void {
    const jar = jars.get(url.hostname) ?? new Map<string, { value: string; path: string }>();
    jars.set(url.hostname, jar);
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split(/; */);
      const name = pair.slice(0, pair.indexOf("="));
      const value = pair.slice(pair.indexOf("=") + 1);
      const attribute = (wanted: string) =>
        attributes
          .map((text) => text.split("="))
          .find(([key]) => key?.toLowerCase() === wanted)?.[1];
      const expires = attribute("expires");
      if (expires !== undefined && new Date(expires).getTime() < Date.UTC(2000, 0)) {
        jar.delete(name);
      } else {
        jar.set(name, { value, path: attribute("path") ?? "/" });
      }
    }
  }

  function cookieHeader(address: string): string {
    const url = new URL(address);
    return [...(jars.get(url.hostname) ?? [])]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join("; ");
  }

  function cookie(address: string, namePrefix: string): string | undefined {
    return [...(jars.get(new URL(address).hostname) ?? [])].find(([name]) =>
      name.startsWith(namePrefix),
    )?.[1].value;
  }

  function setCookie(address: string, name: string, value: string): void {
    const { hostname } = new URL(address);
    const jar = jars.get(hostname) ?? new Map<string, { value: string; path: string }>();
    jars.set(hostname, jar.set(name, { value, path: "/" }));
  }
}

/** Addresses the form of a page sends to. */
export function formAction(page: Page): string {
  const action = /<form[^>]*\baction="([^"]+)"/.exec(page.text)?.[1];
  if (action === undefined) {
    throw new Error(`no form on ${page.url.href}: ${page.text}`);
  }
  return new URL(action.replaceAll("&amp;", "&"), page.url).href;
}

/** The hidden fields of a page's form. */
export function hiddenFields(page: Page): Record<string, string> {
  return Object.fromEntries(
    [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(
      ([, name = "", value = ""]) => [name, value],
    ),
  );
}
